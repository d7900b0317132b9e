/**
 * The rows of one strong read model: as they are stored, and as the commits of a batch changed them.
 *
 * Guarantees (strong-models.test.ts):
 * - An event is folded whole or not at all.
 * - A row is read once for each revision of its model, while it is in memory.
 * - The row of a stream that begins is not read.
 * - An event has the fields that it has in a rebuild, though the decision folded it (strong-models.events.test.ts).
 * - The states of streams are not written, because a keeper that needs one reads it from the log (`read-states`).
 */
import type { FoldStep, StreamState } from "../../core/fold/fold.ts";
import type { CommitRecord, Cursor } from "../../core/history/record.ts";
import type { LogName, StreamName } from "../../core/values/ids.ts";
import { DacapoError, RejectedError } from "../../core/values/errors.ts";
import { deepFreeze } from "../../core/values/json.ts";
import { aggregateOf } from "../../core/values/names.ts";
import { parkedEvents } from "../base/parked-error.ts";
import { keysIn, PageFold } from "../read-models/fold-page.ts";
import { type FollowerNotes, nextOf, type ParkedEvent, withParked } from "../read-models/follower-notes.ts";
import { type ReadModel, ROWS } from "../read-models/read-model.ts";
import type { LogTurn } from "../stores/event-store.ts";
import type { FollowerWrite, RowChange } from "../stores/model-store.ts";
import { NONE_REFUSED, type RefusedEvents } from "../read-models/fold-sql.ts";
import type { SqlStatement } from "../stores/sql-tables.ts";
import type { KeptRows, RowText } from "./kept-rows.ts";
import { type ThrownError, watchedModel } from "./watched-model.ts";

/** A strong model whose rows contain the log up to the head of the batch. */
export type ReadyModel = {
  readonly model: ReadModel;
  /** 0: the follower does not exist yet. */
  readonly revision: number;
  readonly notes: FollowerNotes;
  /** True: the log has no record, so the tables begin empty. */
  readonly isNew: boolean;
  /** The rows that were read at this revision. It grows with each read. */
  readonly stored: KeptRows;
  /** True: the keys of the last commit were its streams, so the rows of a batch can be read at once. */
  readonly isByStream: boolean;
  /** True: the next append shows the SQL tables in their views. */
  readonly shows: boolean;
};

export type StrongStore = {
  readonly log: LogName;
  readonly models: LogTurn["models"];
  readonly now: () => number;
  readonly report: (error: unknown) => void;
  /** Events whose statements the database refused for this head, by the name of the follower. */
  readonly refused: ReadonlyMap<string, RefusedEvents>;
};

/** The reason why a model refuses a commit. `event`: the index of the event in the record. */
export type ModelRefusal = { readonly code: string; readonly message: string; readonly event: number };

/** Returns the state of a stream before a record, if it was read. */
export type StateOf = (stream: StreamName) => StreamState | undefined;

/** A commit that the model accepts. `apply` takes its changes. */
export type FoldedCommit = {
  readonly target: ModelRows;
  readonly changes: readonly RowChange[];
  readonly statements: readonly SqlStatement[];
  readonly parked: readonly ParkedEvent[];
};

export class ModelRows {
  readonly ready: ReadyModel;
  readonly #store: StrongStore;
  readonly #watched: ReadModel;
  readonly #page: PageFold;
  readonly #thrown: ThrownError[] = [];
  readonly #rows = new Map<string, RowText>();
  readonly #texts = {
    get: (key: string): RowText => (this.#rows.has(key) ? this.#rows.get(key) : this.ready.stored.get(key)),
  };
  readonly #statements: SqlStatement[] = [];
  #notes: FollowerNotes;
  #isByStream: boolean;
  /** The events that the batch parks. */
  readonly #parked: ParkedEvent[] = [];

  constructor(store: StrongStore, ready: ReadyModel) {
    this.#store = store;
    this.ready = ready;
    this.#notes = ready.notes;
    this.#isByStream = ready.isByStream;
    // A batch keeps all rows that it reads, also if its commits are rejected.
    ready.stored.forgetOldest();
    this.#watched = watchedModel(ready.model, (thrown) => this.#thrown.push(thrown));
    this.#page = new PageFold(this.#watched);
  }

  /** Reads the rows of streams at once, if this model has rows by stream. One read costs as much as a fold. */
  async prefetch(streams: readonly StreamName[], stateOf: StateOf): Promise<void> {
    const { from } = this.ready.model.projection;
    if (this.#isByStream)
      await this.#read(streams.filter((key) => from.has(aggregateOf(key)) && this.#mayBeStored(key, stateOf)));
  }

  /**
   * Folds a record. A promise comes back only if a row must be read, because a wait costs as much as a fold.
   *
   * @param steps all events of the record, folded into their streams by the decision
   */
  fold(
    record: CommitRecord,
    steps: readonly FoldStep[],
    stateOf: StateOf,
  ): FoldedCommit | ModelRefusal | Promise<FoldedCommit | ModelRefusal> {
    const { from } = this.ready.model.projection;
    // Handlers share the events and states, and a state that one of them changed would decide the next commit.
    const own = deepFreeze(steps.filter(({ event }) => from.has(event.aggregate)));
    const keys = keysIn(this.#watched, own);
    if (keys.length > 0) this.#isByStream = keys.every((key) => record.events.some(({ stream }) => stream === key));
    const unread = keys.filter((key) => !this.#rows.has(key) && this.#mayBeStored(key, stateOf));
    return unread.length === 0 ? this.#fold(record, own) : this.#read(unread).then(() => this.#fold(record, own));
  }

  #fold(record: CommitRecord, steps: readonly FoldStep[]): FoldedCommit | ModelRefusal {
    this.#thrown.length = 0;
    const refused = this.#store.refused.get(this.ready.model.follower) ?? NONE_REFUSED;
    const folded = this.#page.fold(steps, this.#texts, refused);
    return this.#refusal(record, folded.parked, refused) ?? { target: this, ...folded };
  }

  apply({ changes, statements, parked }: Omit<FoldedCommit, "target">): void {
    this.#statements.push(...statements);
    this.#parked.push(...parked);
    for (const { set, remove } of changes) {
      for (const [key, text] of set) this.#rows.set(key, text);
      for (const key of remove) this.#rows.set(key, undefined);
    }
    if (parked.length > 0) this.#notes = { ...this.#notes, ...withParked(this.#notes, parked) };
  }

  follower(head: Cursor | null): FollowerWrite {
    const { model, revision, isNew, shows } = this.ready;
    this.#notes = { ...this.#notes, domain: model.domain.version, movedAt: this.#store.now() };
    return {
      name: model.follower,
      revision,
      next: nextOf(model, head, this.#notes, isNew ? "new" : "keep", isNew || shows ? "show" : "keep"),
    };
  }

  changes(): readonly RowChange[] {
    const { follower, sql } = this.ready.model;
    return sql ? [] : [{ follower, table: ROWS, ...changesOf(this.#rows) }];
  }

  statements(): readonly SqlStatement[] {
    return this.#statements;
  }

  appended(): ReadyModel {
    const { model, revision, stored } = this.ready;
    const { log, report } = this.#store;
    for (const error of parkedEvents({ kind: "model", name: model.name, log }, this.#parked)) report(error);
    stored.setAll(this.#rows);
    return {
      model,
      revision: revision + 1,
      notes: this.#notes,
      isNew: false,
      stored,
      isByStream: this.#isByStream,
      shows: false,
    };
  }

  /** False: the row is in memory, or its stream has no event yet. */
  #mayBeStored(key: string, stateOf: StateOf): boolean {
    const { model, stored } = this.ready;
    if (stored.has(key)) return false;
    return !model.projection.isByStream || this.#notes.hasDeleted !== false || stateOf(key)?.version !== 0;
  }

  async #read(keys: readonly string[]): Promise<void> {
    const { model, isNew, stored } = this.ready;
    if (keys.length === 0) return;
    // If the follower moved meanwhile, these rows are of another revision. Then the append is refused.
    const page = isNew ? null : await this.#store.models?.rows(this.#store.log, model.follower, ROWS, { keys });
    const texts = new Map(page?.rows);
    for (const key of keys) stored.set(key, texts.get(key));
  }

  #refusal(record: CommitRecord, parked: readonly ParkedEvent[], refused: RefusedEvents): ModelRefusal | null {
    const { name, strong } = this.ready.model;
    for (const { error, position } of this.#thrown)
      if (error instanceof RejectedError) {
        const code = typeof error.details["code"] === "string" ? error.details["code"] : "rejected";
        return { code, message: error.message, event: position - record.position };
      }
    const [first] = parked;
    if (!first || strong?.onError === "park") return null;
    const vetoed = refused.get(first.event);
    if (vetoed?.veto) return { ...vetoed.veto, event: first.position - record.position };
    const message = `The read model ${name} failed on this commit: ${first.reason}`;
    this.#store.report(modelFailed(name, first, this.#store.log, this.#thrown[0]?.error));
    return { code: "model-failed", message, event: first.position - record.position };
  }
}

function changesOf(rows: ReadonlyMap<string, RowText>): Pick<RowChange, "set" | "remove"> {
  const set: [string, string | null][] = [];
  const remove: string[] = [];
  for (const [key, text] of rows) {
    if (text === undefined) remove.push(key);
    else set.push([key, text]);
  }
  return { set, remove };
}

function modelFailed(model: string, { event, stream, reason }: ParkedEvent, log: LogName, cause: unknown): DacapoError {
  return new DacapoError("unexpected", "after-fix", {
    message: `The strong read model ${model} threw for event ${event} of ${stream} in log ${log}: ${reason}`,
    fix: 'Fix the handler or the key function, or pass onError: "park" to strong(). The commit is rejected.',
    details: { model, event, stream, log },
    cause,
  });
}

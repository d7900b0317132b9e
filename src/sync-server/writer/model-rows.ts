/**
 * The rows of one strong read model: as they are stored, and as the commits of a batch changed them.
 *
 * Guarantees (strong-models.test.ts):
 * - An event is folded whole or not at all.
 * - A row is read once for each revision of its model, while it is in memory.
 */
import type { StreamState } from "../../core/fold/fold.ts";
import type { CommitRecord, Cursor } from "../../core/history/record.ts";
import type { LogName, StreamName } from "../../core/values/ids.ts";
import { DacapoError, RejectedError } from "../../core/values/errors.ts";
import { aggregateOf } from "../../core/values/names.ts";
import { evictOldest } from "../base/evict-oldest.ts";
import { foldPage, foldStates, keysIn } from "../read-models/fold-page.ts";
import { type FollowerNotes, nextOf, type ParkedEvent, withParked } from "../read-models/follower-notes.ts";
import { type ReadModel, ROWS, STATES } from "../read-models/read-model.ts";
import type { LogTurn } from "../stores/event-store.ts";
import type { FollowerWrite, RowChange } from "../stores/model-store.ts";
import { NONE_REFUSED, type RefusedEvents } from "../read-models/fold-sql.ts";
import type { SqlStatement } from "../stores/sql-tables.ts";
import { type ThrownError, watchedModel } from "./watched-model.ts";

/** The text of a row. Null: a key whose row must stay absent. Undefined: there is no row. */
type RowText = string | null | undefined;

/** A strong model whose rows contain the log up to the head of the batch. */
export type ReadyModel = {
  readonly model: ReadModel;
  /** 0: the follower does not exist yet. */
  readonly revision: number;
  readonly notes: FollowerNotes;
  /** True: the log has no record, so the tables begin empty. */
  readonly isNew: boolean;
  /** The rows that were read at this revision, by key. It grows with each read. */
  readonly stored: Map<string, RowText>;
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

/** A commit that the model accepts. `apply` takes its changes. */
export type FoldedCommit = {
  readonly target: ModelRows;
  readonly changes: readonly RowChange[];
  readonly statements: readonly SqlStatement[];
  readonly parked: readonly ParkedEvent[];
};

/** Rows of one log and model in memory, and the most characters of their texts. */
const ROWS_MAX = 2_000;
const LENGTH_MAX = 250_000;

export class ModelRows {
  readonly ready: ReadyModel;
  readonly #store: StrongStore;
  readonly #watched: ReadModel;
  readonly #thrown: ThrownError[] = [];
  readonly #rows = new Map<string, RowText>();
  readonly #states = new Map<string, RowText>();
  readonly #statements: SqlStatement[] = [];
  #notes: FollowerNotes;
  #isByStream: boolean;

  constructor(store: StrongStore, ready: ReadyModel) {
    this.#store = store;
    this.ready = ready;
    this.#notes = ready.notes;
    this.#isByStream = ready.isByStream;
    this.#watched = watchedModel(ready.model, (thrown) => this.#thrown.push(thrown));
  }

  /** Reads the rows of streams at once, if this model has rows by stream. One read costs as much as a fold. */
  async prefetch(streams: readonly StreamName[]): Promise<void> {
    const { model, stored } = this.ready;
    if (!this.#isByStream) return;
    await this.#read(streams.filter((key) => !stored.has(key) && model.projection.from.has(aggregateOf(key))));
  }

  async fold(
    record: CommitRecord,
    stateOf: (stream: StreamName) => StreamState | undefined,
  ): Promise<FoldedCommit | ModelRefusal> {
    const states = foldStates(this.#watched, [record], stateOf);
    const keys = keysIn(this.#watched, states.steps);
    if (keys.length > 0) this.#isByStream = keys.every((key) => record.events.some(({ stream }) => stream === key));
    await this.#read(keys.filter((key) => !this.#rows.has(key) && !this.ready.stored.has(key)));
    this.#thrown.length = 0;
    const texts = new Map(keys.map((key) => [key, this.#textOf(key)]));
    const refused = this.#store.refused.get(this.ready.model.follower) ?? NONE_REFUSED;
    const folded = foldPage(this.#watched, states, texts, refused);
    return this.#refusal(record, folded.parked, refused) ?? { target: this, ...folded };
  }

  apply({ changes, statements, parked }: Omit<FoldedCommit, "target">): void {
    this.#statements.push(...statements);
    for (const { table, set, remove } of changes) {
      const rows = table === ROWS ? this.#rows : this.#states;
      for (const [key, text] of set) rows.set(key, text);
      for (const key of remove) rows.set(key, undefined);
    }
    this.#notes = { ...this.#notes, ...withParked(this.#notes, parked) };
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
    const follower = this.ready.model.follower;
    const states = { follower, table: STATES, ...changesOf(this.#states) };
    return this.ready.model.sql ? [states] : [{ follower, table: ROWS, ...changesOf(this.#rows) }, states];
  }

  statements(): readonly SqlStatement[] {
    return this.#statements;
  }

  appended(): ReadyModel {
    const { model, revision, stored } = this.ready;
    for (const [key, text] of this.#rows) {
      // The rows that were used last are at the end, so that the others are forgotten first.
      stored.delete(key);
      stored.set(key, text);
    }
    let length = 0;
    for (const text of stored.values()) length += text?.length ?? 0;
    evictOldest(
      stored,
      () => stored.size > ROWS_MAX || length > LENGTH_MAX,
      (key) => {
        length -= stored.get(key)?.length ?? 0;
        stored.delete(key);
      },
    );
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

  #textOf(key: string): RowText {
    return this.#rows.has(key) ? this.#rows.get(key) : this.ready.stored.get(key);
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

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
import { DacapoError, RejectedError, StorageLostError } from "../../core/values/errors.ts";
import { aggregateOf } from "../../core/values/names.ts";
import { parkedEvents } from "../base/parked-error.ts";
import { type ChangedRow, type FoldedRows, isDamaged, keysIn, rowsChange } from "../read-models/fold-page.ts";
import { sizeOf } from "../read-models/write-size.ts";
import { type FollowerNotes, nextOf, type ParkedEvent, withParked } from "../read-models/follower-notes.ts";
import { type ReadModel, ROWS } from "../read-models/read-model.ts";
import type { LogTurn } from "../stores/event-store.ts";
import type { FollowerWrite, RowChange } from "../stores/model-store.ts";
import { readKeys, workThatFits } from "../stores/read-keys.ts";
import { NONE_REFUSED, type RefusedEvents } from "../read-models/fold-sql.ts";
import type { SqlStatement } from "../stores/sql-tables.ts";
import { type KeptRows, NOT_READ, type RowText } from "./kept-rows.ts";
import type { WatchedFold } from "./watched-fold.ts";

/** A strong model whose rows contain the log up to the head of the batch. */
export type ReadyModel = {
  readonly fold: WatchedFold;
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

export class ModelRows {
  readonly ready: ReadyModel;
  readonly #store: StrongStore;
  /** The rows that the batch changed. */
  readonly #rows = new Map<string, ChangedRow>();
  /** The rows of the keys of one record, because a lookup among all rows costs as much as the fold of one. */
  readonly #texts = new Map<string, RowText>();
  readonly #statements: SqlStatement[] = [];
  #notes: FollowerNotes;
  #isByStream: boolean;
  #length = 0;
  /** The events that the batch parks. */
  readonly #parked: ParkedEvent[] = [];

  constructor(store: StrongStore, ready: ReadyModel) {
    this.#store = store;
    this.ready = ready;
    this.#notes = ready.notes;
    this.#isByStream = ready.isByStream;
    // A batch keeps all rows that it reads, also if its commits are rejected.
    ready.stored.forgetOldest();
  }

  /** Reads the rows of streams at once, if this model has rows by stream. One read costs as much as a fold. */
  async prefetch(streams: readonly StreamName[], stateOf: StateOf): Promise<void> {
    const { from } = this.#model.projection;
    if (this.#isByStream)
      await workThatFits(
        streams.filter((key) => from.has(aggregateOf(key)) && this.#find(key, stateOf) === NOT_READ),
        (some, few) => this.read(some, few),
      );
  }

  /** The keys of the rows that must be read before these steps of a record are folded. The other rows are at hand. */
  unread({ events }: CommitRecord, steps: readonly FoldStep[], stateOf: StateOf): readonly string[] {
    this.#texts.clear();
    const unread: string[] = [];
    const keys = keysIn(this.#model, steps);
    if (keys.length > 0) this.#isByStream = keys.every((key) => events.some(({ stream }) => stream === key));
    for (const key of keys) {
      const text = this.#find(key, stateOf);
      if (text === NOT_READ) unread.push(key);
      else this.#texts.set(key, text);
    }
    return unread;
  }

  /** Reads the rows of these keys. Throws TooManyRows if they must be `few`, and are more than one page. */
  async read(keys: readonly string[], few = false): Promise<void> {
    const { isNew, stored } = this.ready;
    const { models, log } = this.#store;
    // If the follower moved meanwhile, these rows are of another revision. Then the append is refused.
    const texts = isNew || !models ? null : await readKeys(models, log, this.#model.follower, ROWS, keys, few);
    for (const key of keys) {
      const text = texts?.get(key);
      this.#length += text?.length ?? 0;
      stored.set(key, text);
      this.#texts.set(key, text);
    }
  }

  /** The characters of the rows that this batch read and changed, and about the size of its statements. */
  get length(): number {
    return this.#length;
  }

  /** Folds the steps of a record, after `unread` and the read of what it returned. `apply` takes the changes. */
  fold(record: CommitRecord, steps: readonly FoldStep[]): FoldedRows | ModelRefusal {
    const refused = this.#store.refused.get(this.#model.follower) ?? NONE_REFUSED;
    const folded = this.ready.fold.fold(steps, this.#texts, refused);
    return this.#refusal(record, steps, folded.parked, refused) ?? folded;
  }

  apply({ rows, statements, parked }: FoldedRows): void {
    this.#statements.push(...statements);
    this.#length += sizeOf({ rows: [], statements });
    for (const [key, row] of rows) {
      this.#length += (row.text?.length ?? 0) - (this.#rows.get(key)?.text?.length ?? 0);
      this.#rows.set(key, row);
    }
    if (parked.length === 0) return;
    this.#parked.push(...parked);
    this.#notes = { ...this.#notes, ...withParked(this.#notes, parked) };
  }

  follower(head: Cursor | null): FollowerWrite {
    const model = this.#model;
    const { revision, isNew, shows } = this.ready;
    this.#notes = { ...this.#notes, domain: model.domain.version, movedAt: this.#store.now() };
    return {
      name: model.follower,
      revision,
      next: nextOf(model, head, this.#notes, isNew ? "new" : "keep", isNew || shows ? "show" : "keep"),
    };
  }

  changes(): readonly RowChange[] {
    const { follower, sql } = this.#model;
    return sql ? [] : [rowsChange(follower, this.#rows)];
  }

  statements(): readonly SqlStatement[] {
    return this.#statements;
  }

  appended(): ReadyModel {
    const { fold, revision, stored } = this.ready;
    const { log, report } = this.#store;
    for (const error of parkedEvents({ kind: "model", name: this.#model.name, log }, this.#parked)) report(error);
    stored.setAll(this.#rows);
    return {
      fold,
      revision: revision + 1,
      notes: this.#notes,
      isNew: false,
      stored,
      isByStream: this.#isByStream,
      shows: false,
    };
  }

  get #model(): ReadModel {
    return this.ready.fold.model;
  }

  /** The text of a row as the batch has it. A stream without events has no row. */
  #find(key: string, stateOf: StateOf): RowText | typeof NOT_READ {
    const changed = this.#rows.get(key);
    if (changed) return changed.text;
    const { projection } = this.#model;
    if (projection.isByStream && this.#notes.hasDeleted === false && stateOf(key)?.version === 0) return undefined;
    return this.ready.stored.get(key);
  }

  #refusal(
    record: CommitRecord,
    steps: readonly FoldStep[],
    parked: readonly ParkedEvent[],
    refused: RefusedEvents,
  ): ModelRefusal | null {
    const { name, strong } = this.#model;
    const { thrown } = this.ready.fold;
    for (const { error, position } of thrown)
      if (error instanceof RejectedError) {
        const code = typeof error.details["code"] === "string" ? error.details["code"] : "rejected";
        return { code, message: error.message, event: position - record.position };
      }
    const [first] = parked;
    if (!first || strong?.onError === "park") return null;
    const vetoed = refused.get(first.event);
    if (vetoed?.veto) return { ...vetoed.veto, event: first.position - record.position };
    const message = `The read model ${name} failed on this commit: ${first.reason}`;
    const key = keysIn(this.#model, steps).find((one) => isDamaged(one, this.#texts.get(one)));
    if (key === undefined) this.#store.report(modelFailed(name, first, this.#store.log, thrown[0]?.error));
    else if (this.ready.fold.isNewDamage(`${this.#store.log} ${key} ${this.#texts.get(key)}`))
      this.#store.report(rowDamaged(name, key, this.#store.log));
    return { code: "model-failed", message, event: first.position - record.position };
  }
}

function rowDamaged(model: string, key: string, log: LogName): DacapoError {
  return new StorageLostError({
    message: `The stored row ${key} of the strong read model ${model} in log ${log} is damaged, because it is no JSON`,
    fix: `Call \`server.log("${log}").models.rebuild("${model}")\`. Until then commits on this row are rejected.`,
    details: { model, key, log },
  });
}

function modelFailed(model: string, { event, stream, reason }: ParkedEvent, log: LogName, cause: unknown): DacapoError {
  return new DacapoError("unexpected", "after-fix", {
    message: `The strong read model ${model} threw for event ${event} of ${stream} in log ${log}: ${reason}`,
    fix: 'Fix the handler or the key function, or pass onError: "park" to strong(). The commit is rejected.',
    details: { model, event, stream, log },
    cause,
  });
}

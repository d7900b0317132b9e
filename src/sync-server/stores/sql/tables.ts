/**
 * The seam between `TableEventStore` and the dialects of SQL. Everything that is not a dialect's own is above it.
 *
 * Place: a port. `sqlite/tables` and `postgres/tables` implement it.
 *
 * Guarantees:
 * - Each method is one transaction. SQLite does not wait inside it, and Postgres needs one round trip for an append.
 * - A result may come without a promise, because SQLite and Durable Objects answer at once.
 */
import type { Cursor } from "../../../core/history/record.ts";
import { type DacapoError, StorageLostError } from "../../../core/values/errors.ts";
import type { AppendResult, EventStore, OutcomeKey, ReadLimit, RenameResult, StoredRecord } from "../event-store.ts";
import type { ModelStore } from "../model-store.ts";
import type { FoundLog } from "../refuse-append.ts";
import type { AppendPlan } from "./plan-append.ts";
import type { KnownRow, OutcomeRow } from "./rows.ts";

export type MaybePromise<Result> = Result | Promise<Result>;

/** `isHere`: a record of the log ends at the cursor that the page begins at, or the cursor is null (S5). */
export type FoundPage = FoundLog & { readonly isHere: boolean; readonly records: readonly StoredRecord[] };

/** The calls by which a batch of one log is decided and written. */
export interface LogTables {
  head(log: string): MaybePromise<FoundLog | undefined>;
  /** Checks (`refuseAppend`) and writes. */
  append(log: string, plan: AppendPlan): MaybePromise<AppendResult>;
  page(log: string, after: Cursor | null, limit: ReadLimit): MaybePromise<FoundPage | undefined>;
  stream(log: string, stream: string, after: number, limit: ReadLimit): MaybePromise<readonly StoredRecord[]>;
  /** Returns the given streams that have an event. */
  written(log: string, streams: readonly string[]): MaybePromise<readonly string[]>;
  known(log: string, commits: readonly string[]): MaybePromise<readonly KnownRow[]>;
  /** The read models in the same database. Each of their calls runs through `call`. */
  models?(call: Call): ModelStore;
}

export interface Tables extends LogTables, Pick<EventStore, "hints" | "presence"> {
  /** The reason why every call fails from now on: a final failure, or `close`. */
  end: DacapoError | null;
  /** Connects and upgrades the tables, before the first other call. Absent: the tables are ready. */
  prepare?(): Promise<void>;
  /** Runs `work` in one transaction that holds the log (S20). Absent: the store has no turns. */
  hold?<Result>(log: string, work: (held: LogTables) => Promise<Result>): Promise<Result>;
  outcomes(log: string, after: OutcomeKey | null, limit: number): MaybePromise<readonly OutcomeRow[]>;
  /** The names of the logs in a state, sorted. `dropping` logs are `dropped` too. */
  names(state: "open" | "dropped" | "dropping"): MaybePromise<readonly string[]>;
  rename(log: string, to: string): MaybePromise<RenameResult>;
  markDropping(log: string): MaybePromise<void>;
  /** Deletes some rows of a dropped log. Returns true if some may be left. */
  deleteStep(log: string): MaybePromise<boolean>;
  id(): MaybePromise<string | undefined>;
  adoptId(id: string): MaybePromise<boolean>;
  /** Spends a ticket, as `SpentTickets` does. */
  spend?(nonce: string, until: number, now: number): MaybePromise<boolean>;
  /** Converts an error of a call to the error for its caller. A final one becomes `end`. */
  failed(error: unknown, place: string): DacapoError;
  close(): MaybePromise<void>;
}

/** Runs one call when the tables are ready, and converts its errors. `place` names it in errors. */
export type Call = <Result>(place: string, work: () => MaybePromise<Result>) => Promise<Result>;

/** Runs one call of the tables, and converts its errors. */
export async function callTables<Result>(
  tables: Pick<Tables, "end" | "failed">,
  place: string,
  work: () => MaybePromise<Result>,
): Promise<Result> {
  if (tables.end) throw tables.end;
  try {
    return await work();
  } catch (error) {
    throw tables.failed(error, place);
  }
}

export function closedStore(): DacapoError {
  return new StorageLostError({
    message: "The event store is closed",
    fix: "Open a new one. Close a store only after its server.",
  });
}

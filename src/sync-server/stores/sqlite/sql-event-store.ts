/**
 * The event store on SQLite, through the port `sql`: for `node:sqlite` and for Durable Objects.
 *
 * Guarantees:
 * - Each call is one transaction, without a wait inside. Appends may share a transaction (shared-commits.test.ts).
 * - If a failure leaves the fate of a write in doubt, every later call fails with the same error (S2, sqlite.test.ts).
 * - The database decides how durable a commit is. `sqlite` and `durable-object` open it for S2.
 */
import { type DacapoError, StorageFullError, StorageLostError } from "../../../core/values/errors.ts";
import { type Cursor, positionOf } from "../../../core/history/record.ts";
import { checkAppend } from "../check-append.ts";
import type {
  Append,
  AppendResult,
  EventStore,
  KeptOutcome,
  KnownCommit,
  LogHead,
  OutcomeKey,
  ReadLimit,
  ReadResult,
  RenameResult,
  StoredRecord,
} from "../event-store.ts";
import { jsonParameters } from "../sql/json-parameters.ts";
import { appendTo } from "./append.ts";
import { deleteStep, droppingLogs, markDropping } from "./drop.ts";
import { adoptId, outcomePage, renameLog } from "./move.ts";
import { classifySqlError, RESTORE_FIX } from "./failure.ts";
import { SharedCommits } from "./shared-commits.ts";
import { hasLayout, prepareLayout } from "./layout.ts";
import { findLog, headOf, isRecordEnd, type LogRow, RECORD, recordKey, type RecordRow, sizedRecords } from "./rows.ts";
import { prepareModelTables } from "./model-layout.ts";
import { SqlModels } from "./models.ts";
import { firstRow, type Sql } from "./sql.ts";
import { writtenAmong } from "./written.ts";
import { takePage } from "../take-page.ts";

export type SqlStoreOptions = {
  /** True: the tables are created by the first write. Until then every log is absent. */
  readonly isLazy?: boolean;
  /** True: the database undoes a write for which it has no room, so that reads can continue. */
  readonly survivesFull?: boolean;
  /** Throws a StorageFullError if there is no room for an append of this many bytes. */
  readonly assertRoom?: (bytes: number) => void;
};

/** An event store on an open database. If its tables cannot be used, closes the database and throws a DacapoError. */
export function sqlEventStore(sql: Sql, options: SqlStoreOptions = {}): EventStore {
  try {
    const store = new SqlEventStore(sql, options);
    void store.finishDrops();
    return store;
  } catch (error) {
    sql.close();
    throw classifySqlError(error, "opening").error;
  }
}

class SqlEventStore implements EventStore {
  readonly models: SqlModels;
  readonly #sql: Sql;
  readonly #commits: SharedCommits;
  readonly #options: SqlStoreOptions;
  #hasTables: boolean;
  /** The reason why every call fails: a failure, or `close`. */
  #end: DacapoError | null = null;

  constructor(sql: Sql, options: SqlStoreOptions) {
    this.#sql = sql;
    this.#options = options;
    this.#hasTables = !options.isLazy || hasLayout(sql);
    if (this.#hasTables) prepareLayout(sql);
    this.#commits = new SharedCommits(sql, (error) => classifySqlError(error, "append").final);
    this.models = new SqlModels(sql, {
      read: (place, work) => this.#call(place, "read", work),
      write: (place, bytes, work) => this.#share(place, bytes, true, work),
    });
  }

  head(name: string): Promise<LogHead> {
    return this.#call("head", "read", () => {
      const log = this.#find(name);
      if (log === undefined) return { kind: "absent" };
      return log.state === "open" ? { kind: "open", cursor: headOf(this.#sql, log.id) } : { kind: "gone" };
    });
  }

  async append(name: string, append: Append): Promise<AppendResult> {
    checkAppend(append);
    return this.#share("append", bytesOf(append), append.models !== undefined, () => appendTo(this.#sql, name, append));
  }

  read(name: string, after: Cursor | null, limit: ReadLimit): Promise<ReadResult> {
    return this.#call("read", "read", () => {
      const log = this.#find(name);
      if (log === undefined) return after === null ? { kind: "absent" } : { kind: "diverged", head: null };
      if (log.state !== "open") return { kind: "gone" };
      const head = headOf(this.#sql, log.id);
      if (after !== null && !isRecordEnd(this.#sql, log.id, after)) return { kind: "diverged", head };
      const rows = this.#sql.rows<RecordRow>(
        `select ${RECORD} from dacapo_records r
         where r.id > ${recordKey("?", "?")} and r.id <= ${recordKey("?", "?")} order by r.id`,
        log.id,
        positionOf(after),
        log.id,
        positionOf(head),
      );
      return { kind: "page", records: takePage(sizedRecords(rows), limit), head };
    });
  }

  readStream(name: string, stream: string, after: number, limit: ReadLimit): Promise<readonly StoredRecord[]> {
    return this.#call("readStream", "read", () => {
      const log = this.#find(name);
      if (log?.state !== "open") return [];
      const rows = this.#sql.rows<RecordRow>(
        `select ${RECORD} from dacapo_stream_records s join dacapo_records r on r.id = ${recordKey("s.log", "s.record")}
         where s.log = ? and s.stream = ? and s.version > ? order by s.version`,
        log.id,
        stream,
        after,
      );
      return takePage(sizedRecords(rows), limit);
    });
  }

  written(name: string, streams: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#call("written", "read", () => {
      const log = this.#find(name);
      return log?.state === "open" ? writtenAmong(this.#sql, log.id, streams) : new Set();
    });
  }

  known(name: string, commits: readonly string[]): Promise<ReadonlyMap<string, KnownCommit>> {
    return this.#call("known", "read", () => {
      const known = new Map<string, KnownCommit>();
      const log = this.#find(name);
      if (log?.state !== "open") return known;
      for (const ids of jsonParameters(commits)) this.#addKnown(known, log.id, ids);
      return known;
    });
  }

  async drop(name: string): Promise<void> {
    await this.#call("drop", "write", () => markDropping(this.#sql, name));
    while (await this.#call("drop", "write", () => deleteStep(this.#sql, name)))
      await new Promise((resolve) => setTimeout(resolve, 0));
  }

  async finishDrops(): Promise<void> {
    try {
      for (const name of await this.#call("drop", "read", () => (this.#hasTables ? droppingLogs(this.#sql) : [])))
        await this.drop(name);
    } catch {
      // The names are gone already, and the next opening tries again. A store that has failed reports it at its next
      // call.
    }
  }

  logs(): Promise<readonly string[]> {
    return this.#names("state = 'open'");
  }

  droppedLogs(): Promise<readonly string[]> {
    return this.#names("state <> 'open'");
  }

  outcomes(name: string, after: OutcomeKey | null, limit: number): Promise<readonly KeptOutcome[]> {
    return this.#call("outcomes", "read", () => {
      const log = this.#find(name);
      return log?.state === "open" ? outcomePage(this.#sql, log.id, after, limit) : [];
    });
  }

  rename(name: string, to: string): Promise<RenameResult> {
    return this.#call("rename", "write", () => renameLog(this.#sql, name, to));
  }

  id(): Promise<string> {
    // The id is made together with the tables.
    return this.#call("id", this.#hasTables ? "read" : "write", () => {
      const row = firstRow(this.#sql.rows<{ id: string }>("select id from dacapo_server"));
      if (row) return row.id;
      throw new StorageLostError({ message: "The event store has no row in dacapo_server", fix: RESTORE_FIX });
    });
  }

  adoptId(id: string): Promise<boolean> {
    return this.#call("adoptId", "write", () => adoptId(this.#sql, id));
  }

  async close(): Promise<void> {
    if (this.#end === null)
      this.#end = new StorageLostError({
        message: "The event store is closed",
        fix: "Open a new one. Close a store only after its server.",
      });
    this.#sql.close();
  }

  #names(condition: string): Promise<readonly string[]> {
    return this.#call("logs", "read", () => {
      if (!this.#hasTables) return [];
      const rows = this.#sql.rows<{ name: string }>(`select name from dacapo_logs where ${condition} order by name`);
      return Array.from(rows, ({ name }) => name);
    });
  }

  /** Runs one transaction. Returns a promise, so that a store behind a network can have the same port. */
  async #call<Result>(place: string, mode: "read" | "write", work: () => Result): Promise<Result> {
    if (this.#end) throw this.#end;
    try {
      if (mode === "write") this.#createTables();
      return this.#sql.transaction(mode, work);
    } catch (error) {
      throw this.#failed(error, place);
    }
  }

  /** Runs a write that may share its transaction with other writes. */
  async #share<Result>(place: string, bytes: number, hasModels: boolean, work: () => Result): Promise<Result> {
    try {
      if (this.#end) throw this.#end;
      this.#options.assertRoom?.(bytes);
      this.#createTables();
      return await this.#commits.write(() => {
        if (this.#end) throw this.#end;
        if (hasModels) prepareModelTables(this.#sql);
        return work();
      });
    } catch (error) {
      throw this.#failed(error, place);
    }
  }

  #failed(error: unknown, place: string): DacapoError {
    const failure = classifySqlError(error, place);
    const isSurvived = this.#options.survivesFull && failure.error instanceof StorageFullError;
    if (failure.final && !isSurvived) this.#end = failure.error;
    return failure.error;
  }

  #createTables(): void {
    if (this.#hasTables) return;
    prepareLayout(this.#sql);
    this.#hasTables = true;
  }

  #find(name: string): LogRow | undefined {
    return this.#hasTables ? findLog(this.#sql, name) : undefined;
  }

  /** Adds the records and outcomes under the ids of a JSON array. */
  #addKnown(known: Map<string, KnownCommit>, log: number, ids: string): void {
    // `cross join` keeps this order. Otherwise SQLite scans the whole log and searches the list for each record.
    const records = this.#sql.rows<{ commit_id: string; actor: string; last: number; mark: string }>(
      `select r.commit_id, r.actor, r.last, r.mark from json_each(?) i
       cross join dacapo_records r on r.log = ? and r.commit_id = i.value`,
      ids,
      log,
    );
    for (const { commit_id, actor, last, mark } of records)
      known.set(commit_id, { record: { actor, at: { position: last, mark } }, outcomes: [] });
    const rows = this.#sql.rows<{ commit_id: string; actor: string; text: string }>(
      `select o.commit_id, o.actor, o.text from json_each(?) i
       cross join dacapo_outcomes o on o.log = ? and o.commit_id = i.value`,
      ids,
      log,
    );
    for (const { commit_id, actor, text } of rows) {
      const { record, outcomes } = known.get(commit_id) ?? { record: null, outcomes: [] };
      known.set(commit_id, { record, outcomes: [...outcomes, { actor, text }] });
    }
  }
}

/** About the bytes of an append: its texts in UTF-16 units. */
function bytesOf({ records, outcomes }: Append): number {
  return [...records, ...outcomes].reduce((sum, { text }) => sum + text.length, 0);
}

/**
 * The tables of SQLite behind the seam of `sql/tables`, for `node:sqlite` and for Durable Objects.
 *
 * Guarantees:
 * - Each call is one transaction, without a wait inside. Writes may share a transaction (shared-commits.test.ts).
 * - If a failure leaves the fate of a write in doubt, every later call fails with the same error (S2, sqlite.test.ts).
 * - The database decides how durable a commit is. `sqlite` and `durable-object` open it for S2.
 */
import { type Cursor, positionOf } from "../../../core/history/record.ts";
import { type DacapoError, StorageFullError } from "../../../core/values/errors.ts";
import type { AppendResult, EventStore, OutcomeKey, ReadLimit, RenameResult, StoredRecord } from "../event-store.ts";
import type { ModelStore } from "../model-store.ts";
import { jsonParameters } from "../sql/json-parameters.ts";
import type { FoundLog } from "../refuse-append.ts";
import type { AppendPlan } from "../sql/plan-append.ts";
import { type KnownRow, type OutcomeRow, pageOf, type RecordRow } from "../sql/rows.ts";
import { TableEventStore } from "../sql/table-event-store.ts";
import type { Call, FoundPage, Tables } from "../sql/tables.ts";
import { appendTo } from "./append.ts";
import { deleteStep, markDropping } from "./drop.ts";
import { classifySqlError } from "./failure.ts";
import { hasLayout, prepareLayout } from "./layout.ts";
import { prepareModelTables } from "./model-layout.ts";
import { SqlModels } from "./models.ts";
import { adoptId, outcomePage, renameLog } from "./move.ts";
import { findLog, headOf, isRecordEnd, type LogRow, RECORD, recordKey } from "./rows.ts";
import { SharedCommits } from "./shared-commits.ts";
import { undoneIfVetoed } from "./sql-write.ts";
import type { Sql } from "./sql.ts";
import { writtenAmong } from "./written.ts";

export type SqliteTablesOptions = {
  /** True: the tables are created by the first write. Until then every log is absent. */
  readonly isLazy?: boolean;
  /** True: the database undoes a write for which it has no room, so that reads can continue. */
  readonly survivesFull?: boolean;
  /** Throws a StorageFullError if there is no room for a write of this many bytes. */
  readonly assertRoom?: (bytes: number, kind: "append" | "models") => void;
  /** Called in the transaction of each append that has records. */
  readonly onAppend?: () => void;
  /** Spends a ticket, as `SpentTickets` does. */
  readonly spend?: (nonce: string, until: number, now: number) => boolean;
};

/** An event store on an open database. If its tables cannot be used, closes the database and throws a DacapoError. */
export function sqlEventStore(sql: Sql, options: SqliteTablesOptions = {}): EventStore {
  try {
    return new TableEventStore(new SqliteTables(sql, options));
  } catch (error) {
    sql.close();
    throw classifySqlError(error, "opening").error;
  }
}

const STATES = { open: "= 'open'", dropped: "<> 'open'", dropping: "= 'dropping'" };

class SqliteTables implements Tables {
  readonly spend?: (nonce: string, until: number, now: number) => boolean;
  end: DacapoError | null = null;
  readonly #sql: Sql;
  readonly #commits: SharedCommits;
  readonly #options: SqliteTablesOptions;
  #hasTables: boolean;
  /** True: a write of this store found or created the tables of models, and is committed. */
  #hasModelTables = false;

  constructor(sql: Sql, options: SqliteTablesOptions) {
    this.#sql = sql;
    this.#options = options;
    if (options.spend) this.spend = options.spend;
    this.#hasTables = !options.isLazy || hasLayout(sql);
    if (this.#hasTables) prepareLayout(sql);
    this.#commits = new SharedCommits(sql, (error) => classifySqlError(error, "append").final);
  }

  models(call: Call): ModelStore {
    return new SqlModels(this.#sql, {
      read: (place, work) => call(place, () => this.#sql.transaction("read", work)),
      write: (place, bytes, work) => call(place, () => this.#share("models", bytes, true, work)),
    });
  }

  head(name: string): FoundLog | undefined {
    return this.#read(name, (log) => this.#found(log));
  }

  append(name: string, plan: AppendPlan): Promise<AppendResult> {
    const run = (): AppendResult => {
      const result = appendTo(this.#sql, name, plan);
      if (result.kind === "ok" && plan.records.length > 0) this.#options.onAppend?.();
      return result;
    };
    const { models, bytes } = plan;
    const work = (): AppendResult => (models ? undoneIfVetoed(this.#sql, models, run) : run());
    return this.#share("append", bytes, models !== undefined, work);
  }

  page(name: string, after: Cursor | null, limit: ReadLimit): FoundPage | undefined {
    return this.#read(name, (log) => {
      const found = this.#found(log);
      const isHere = found.isOpen && (after === null || isRecordEnd(this.#sql, log.id, after));
      if (!isHere) return { ...found, isHere, records: [] };
      const rows = this.#sql.rows<RecordRow>(
        `select ${RECORD} from dacapo_records r
         where r.id > ${recordKey("?", "?")} and r.id <= ${recordKey("?", "?")} order by r.id`,
        log.id,
        positionOf(after),
        log.id,
        positionOf(found.head),
      );
      return { ...found, isHere, records: pageOf(rows, limit) };
    });
  }

  stream(name: string, stream: string, after: number, limit: ReadLimit): readonly StoredRecord[] {
    const rows = this.#readOpen(name, (log) =>
      pageOf(
        this.#sql.rows<RecordRow>(
          `select ${RECORD} from dacapo_stream_records s
           join dacapo_records r on r.id = ${recordKey("s.log", "s.record")}
           where s.log = ? and s.stream = ? and s.version > ? order by s.version`,
          log,
          stream,
          after,
        ),
        limit,
      ),
    );
    return rows ?? [];
  }

  written(name: string, streams: readonly string[]): readonly string[] {
    return this.#readOpen(name, (log) => writtenAmong(this.#sql, log, streams)) ?? [];
  }

  known(name: string, commits: readonly string[]): readonly KnownRow[] {
    const rows = this.#readOpen(name, (log) =>
      jsonParameters(commits).flatMap((ids) => [...this.#knownAmong(log, ids)]),
    );
    return rows ?? [];
  }

  outcomes(name: string, after: OutcomeKey | null, limit: number): readonly OutcomeRow[] {
    return this.#readOpen(name, (log) => outcomePage(this.#sql, log, after, limit)) ?? [];
  }

  names(state: keyof typeof STATES): readonly string[] {
    if (!this.#hasTables) return [];
    return this.#sql.transaction("read", () => {
      const query = `select name from dacapo_logs where state ${STATES[state]} order by name`;
      return Array.from(this.#sql.rows<{ name: string }>(query), ({ name }) => name);
    });
  }

  rename(name: string, to: string): RenameResult {
    return this.#write(() => renameLog(this.#sql, name, to));
  }

  markDropping(name: string): void {
    this.#write(() => markDropping(this.#sql, name));
  }

  deleteStep(name: string): boolean {
    return this.#write(() => deleteStep(this.#sql, name));
  }

  id(): string | undefined {
    // The id is made together with the tables.
    if (!this.#hasTables) this.#write(() => {});
    return this.#sql.transaction("read", () => this.#sql.first<{ id: string }>("select id from dacapo_server")?.id);
  }

  adoptId(id: string): boolean {
    return this.#write(() => adoptId(this.#sql, id));
  }

  failed(error: unknown, place: string): DacapoError {
    const failure = classifySqlError(error, place);
    const isSurvived = this.#options.survivesFull && failure.error instanceof StorageFullError;
    if (failure.final && !isSurvived) this.end = failure.error;
    return failure.error;
  }

  close(): void {
    this.#sql.close();
  }

  /** Reads a log in one snapshot. Undefined: the log has no row. */
  #read<Result>(name: string, work: (log: LogRow) => Result): Result | undefined {
    if (!this.#hasTables) return undefined;
    return this.#sql.transaction("read", () => {
      const log = findLog(this.#sql, name);
      return log && work(log);
    });
  }

  #readOpen<Result>(name: string, work: (log: number) => Result): Result | undefined {
    return this.#read(name, ({ id, state }) => (state === "open" ? work(id) : undefined));
  }

  #write<Result>(work: () => Result): Result {
    this.#createTables();
    return this.#sql.transaction("write", work);
  }

  /** Runs a write that may share its transaction with other writes. */
  async #share<Result>(
    kind: "append" | "models",
    bytes: number,
    hasModels: boolean,
    work: () => Result,
  ): Promise<Result> {
    this.#options.assertRoom?.(bytes, kind);
    this.#createTables();
    const result = await this.#commits.write(() => {
      // The store may have failed while the write waited.
      if (this.end) throw this.end;
      if (hasModels && !this.#hasModelTables) prepareModelTables(this.#sql);
      return work();
    });
    this.#hasModelTables ||= hasModels;
    return result;
  }

  #createTables(): void {
    if (this.#hasTables) return;
    prepareLayout(this.#sql);
    this.#hasTables = true;
  }

  #found({ id, state }: LogRow): FoundLog {
    return state === "open" ? { isOpen: true, head: headOf(this.#sql, id) } : { isOpen: false, head: null };
  }

  /** The records and outcomes under the ids of a JSON array. */
  *#knownAmong(log: number, ids: string): Generator<KnownRow> {
    // `cross join` keeps this order. Otherwise SQLite scans the whole log and searches the list for each record.
    yield* this.#sql.rows<KnownRow>(
      `select r.commit_id, r.actor, r.last, r.mark, null as text from json_each(?) i
       cross join dacapo_records r on r.log = ? and r.commit_id = i.value`,
      ids,
      log,
    );
    yield* this.#sql.rows<KnownRow>(
      `select o.commit_id, o.actor, null as last, null as mark, o.text from json_each(?) i
       cross join dacapo_outcomes o on o.log = ? and o.commit_id = i.value`,
      ids,
      log,
    );
  }
}

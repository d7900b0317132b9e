/**
 * The event store on SQLite, through the small interface of `sql`: for `node:sqlite` and for Durable Objects.
 *
 * Place: behind the port `event-store`; `sqlite` and `durable-object` open a database and hand it over.
 * Holds: each call is one transaction, or a part of one that it shares with other appends, computed and written without a wait inside. After a failure that leaves the fate of a
 * write in doubt, every later call fails with the same error (`sql-failure`). What is durable is up to who opens the database.
 */
import { BugError, type DacapoError, StorageLostError } from "../../core/values/errors.ts";
import { type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";
import { checkAppend } from "./check-append.ts";
import type {
  Append,
  AppendResult,
  EventStore,
  KnownCommit,
  LogHead,
  ReadLimit,
  ReadResult,
  StoredRecord,
} from "./event-store.ts";
import { classifySqlError } from "./sql-failure.ts";
import { SharedCommits } from "./shared-commits.ts";
import { prepareLayout } from "./sql-layout.ts";
import { headOf, type LogRow, RECORD, type RecordRow, sized, streamsText } from "./sql-rows.ts";
import { firstRow, type Sql } from "./sql.ts";
import { takePage } from "./take-page.ts";

/** Rows that one step of dropping a log deletes, so that the other logs are served in between. */
const DROP_STEP_ROWS = 500;

/** An event store over a database that is open. Where its tables cannot be used, closes it and throws a DacapoError. */
export function sqlEventStore(sql: Sql): EventStore {
  try {
    prepareLayout(sql);
    const store = new SqlEventStore(sql);
    void store.endDrops();
    return store;
  } catch (error) {
    sql.close();
    throw classifySqlError(error, "opening").error;
  }
}

class SqlEventStore implements EventStore {
  readonly #sql: Sql;
  readonly #commits: SharedCommits;
  /** Why nothing is answered any more. */
  #end: DacapoError | null = null;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#commits = new SharedCommits(sql, (error) => classifySqlError(error, "append").final);
  }

  head(name: string): Promise<LogHead> {
    return this.#call("head", "read", () => {
      const log = this.#find(name);
      if (log === undefined) return { kind: "absent" };
      return log.state === "open" ? { kind: "open", cursor: headOf(log) } : { kind: "gone" };
    });
  }

  async append(name: string, append: Append): Promise<AppendResult> {
    checkAppend(append);
    try {
      return await this.#commits.write(() => {
        if (this.#end) throw this.#end;
        return this.#append(name, append);
      });
    } catch (error) {
      throw this.#failed(error, "append");
    }
  }

  read(name: string, after: Cursor | null, limit: ReadLimit): Promise<ReadResult> {
    return this.#call("read", "read", () => {
      const log = this.#find(name);
      if (log === undefined) return after === null ? { kind: "absent" } : { kind: "diverged", head: null };
      if (log.state !== "open") return { kind: "gone" };
      const head = headOf(log);
      if (after !== null && !this.#isRecordEnd(log.id, after)) return { kind: "diverged", head };
      const rows = this.#sql.rows<RecordRow>(
        `select ${RECORD} from dacapo_records r where r.log = ? and r.last > ? order by r.last`,
        log.id,
        positionOf(after),
      );
      return { kind: "page", records: takePage(sized(rows), limit), head };
    });
  }

  readStream(name: string, stream: string, after: number, limit: ReadLimit): Promise<readonly StoredRecord[]> {
    return this.#call("readStream", "read", () => {
      const log = this.#find(name);
      if (log?.state !== "open") return [];
      const rows = this.#sql.rows<RecordRow>(
        `select ${RECORD} from dacapo_stream_records s join dacapo_records r on r.log = s.log and r.last = s.record
         where s.log = ? and s.stream = ? and s.version > ? order by s.version`,
        log.id,
        stream,
        after,
      );
      return takePage(sized(rows), limit);
    });
  }

  known(name: string, commits: readonly string[]): Promise<ReadonlyMap<string, KnownCommit>> {
    return this.#call("known", "read", () => {
      const known = new Map<string, KnownCommit>();
      const log = this.#find(name);
      if (log?.state !== "open") return known;
      const ids = JSON.stringify(commits);
      // `cross join` keeps this order: left to itself, SQLite walks the whole log and looks into the list for each record.
      const records = this.#sql.rows<{ commit_id: string; actor: string; last: number; mark: string }>(
        "select r.commit_id, r.actor, r.last, r.mark from json_each(?) i cross join dacapo_records r on r.log = ? and r.commit_id = i.value",
        ids,
        log.id,
      );
      for (const { commit_id, actor, last, mark } of records)
        known.set(commit_id, { record: { actor, at: { position: last, mark } }, outcomes: [] });
      const outcomes = this.#sql.rows<{ commit_id: string; actor: string; text: string }>(
        "select o.commit_id, o.actor, o.text from json_each(?) i cross join dacapo_outcomes o on o.log = ? and o.commit_id = i.value",
        ids,
        log.id,
      );
      for (const { commit_id, actor, text } of outcomes) {
        const { record, outcomes: said } = known.get(commit_id) ?? { record: null, outcomes: [] };
        known.set(commit_id, { record, outcomes: [...said, { actor, text }] });
      }
      return known;
    });
  }

  /** The name is gone at once; what stood under it goes in steps. What a crash leaves of it goes at the next opening. */
  async drop(name: string): Promise<void> {
    await this.#call("drop", "write", () => {
      this.#sql.run(
        `insert into dacapo_logs (name, position, mark, state) values (?, 0, null, 'dropping')
         on conflict (name) do update set position = 0, mark = null, state = 'dropping'`,
        name,
      );
    });
    while (await this.#call("drop", "write", () => this.#deleteSome(name)))
      await new Promise((resolve) => setTimeout(resolve, 0));
  }

  async endDrops(): Promise<void> {
    try {
      const names = await this.#call("drop", "read", () => {
        const rows = this.#sql.rows<{ name: string }>("select name from dacapo_logs where state = 'dropping'");
        return Array.from(rows, ({ name }) => name);
      });
      for (const name of names) await this.drop(name);
    } catch {
      // The names are gone already, and the next opening tries again. A store that is done for says so at its next call.
    }
  }

  logs(): Promise<readonly string[]> {
    return this.#call("logs", "read", () => {
      const rows = this.#sql.rows<{ name: string }>("select name from dacapo_logs where state = 'open' order by name");
      return Array.from(rows, ({ name }) => name);
    });
  }

  async close(): Promise<void> {
    if (this.#end === null)
      this.#end = new StorageLostError({
        message: "The event store was closed",
        fix: "Open it again; close a store after its server.",
      });
    this.#sql.close();
  }

  /** One transaction; a promise, so that a store behind a network has the same port. */
  async #call<Result>(place: string, mode: "read" | "write", work: () => Result): Promise<Result> {
    if (this.#end) throw this.#end;
    try {
      return this.#sql.transaction(mode, work);
    } catch (error) {
      throw this.#failed(error, place);
    }
  }

  #failed(error: unknown, place: string): DacapoError {
    const failure = classifySqlError(error, place);
    if (failure.final) this.#end = failure.error;
    return failure.error;
  }

  #append(name: string, append: Append): AppendResult {
    const found = this.#find(name);
    if (found && found.state !== "open") return { kind: "gone" };
    const head = found ? headOf(found) : null;
    if (!sameCursor(head, append.expected)) return { kind: "moved", head };
    if (append.records.length + append.outcomes.length === 0 && !found) return { kind: "ok" };
    const commits = found ? this.#knownOf(found.id, append) : [];
    if (commits.length > 0) return { kind: "known", commits };
    const log = found?.id ?? this.#make(name);
    for (const record of append.records) this.#addRecord(log, record);
    const end = append.records.at(-1)?.cursor;
    if (end) this.#sql.run("update dacapo_logs set position = ?, mark = ? where id = ?", end.position, end.mark, log);
    this.#addOutcomes(log, append);
    return { kind: "ok" };
  }

  #find(name: string): LogRow | undefined {
    return firstRow(this.#sql.rows<LogRow>("select id, position, mark, state from dacapo_logs where name = ?", name));
  }

  #make(name: string): number {
    this.#sql.run("insert into dacapo_logs (name, position, mark, state) values (?, 0, null, 'open')", name);
    const made = this.#find(name);
    if (!made) throw new BugError("A log that was just made is not there", { log: name });
    return made.id;
  }

  #isRecordEnd(log: number, { position, mark }: Cursor): boolean {
    const row = firstRow(
      this.#sql.rows<{ mark: string }>("select mark from dacapo_records where log = ? and last = ?", log, position),
    );
    return row?.mark === mark;
  }

  #knownOf(log: number, { records, outcomes }: Append): string[] {
    const rows = this.#sql.rows<{ id: string }>(
      `select i.value ->> 0 as id from json_each(?) i
       where exists (select 1 from dacapo_records where log = ? and commit_id = i.value ->> 0)
          or exists (select 1 from dacapo_outcomes where log = ? and commit_id = i.value ->> 0 and actor = i.value ->> 1)`,
      JSON.stringify([...records, ...outcomes].map(({ commit, actor }) => [commit, actor])),
      log,
      log,
    );
    return Array.from(rows, ({ id }) => id);
  }

  #addRecord(log: number, { position, cursor, commit, actor, streams, text }: StoredRecord): void {
    this.#sql.run(
      "insert into dacapo_records (log, last, first, mark, commit_id, actor, streams, text) values (?, ?, ?, ?, ?, ?, ?, ?)",
      log,
      cursor.position,
      position,
      cursor.mark,
      commit,
      actor,
      streamsText(streams),
      text,
    );
    for (const { stream, last } of streams) {
      this.#sql.run(
        "insert into dacapo_stream_records (log, stream, version, record) values (?, ?, ?, ?)",
        log,
        stream,
        last,
        cursor.position,
      );
    }
  }

  /** S9: adds the new ones, then forgets by age, and of the actors who just got one the oldest beyond their share. */
  #addOutcomes(log: number, { outcomes, forgetOutcomesBefore, outcomesPerActorMax }: Append): void {
    for (const { commit, actor, received, text } of outcomes) {
      this.#sql.run(
        "insert into dacapo_outcomes (log, commit_id, actor, received, text) values (?, ?, ?, ?, ?)",
        log,
        commit,
        actor,
        received,
        text,
      );
    }
    this.#sql.run("delete from dacapo_outcomes where log = ? and received < ?", log, forgetOutcomesBefore);
    for (const actor of new Set(outcomes.map((outcome) => outcome.actor))) {
      this.#sql.run(
        `delete from dacapo_outcomes where id in (
           select id from dacapo_outcomes where log = ? and actor = ? order by received desc, id desc limit -1 offset ?)`,
        log,
        actor,
        outcomesPerActorMax,
      );
    }
  }

  /** Deletes a step's worth of what a dropped log holds. False: that was the last of it. */
  #deleteSome(name: string): boolean {
    const log = this.#find(name)?.id ?? null;
    const step = "where log = ? limit ?";
    this.#sql.run(
      `delete from dacapo_records where rowid in (select rowid from dacapo_records ${step})`,
      log,
      DROP_STEP_ROWS,
    );
    this.#sql.run(
      `delete from dacapo_outcomes where id in (select id from dacapo_outcomes ${step})`,
      log,
      DROP_STEP_ROWS,
    );
    this.#sql.run(
      `delete from dacapo_stream_records where (log, stream, version) in (select log, stream, version from dacapo_stream_records ${step})`,
      log,
      DROP_STEP_ROWS,
    );
    const left = ["dacapo_records", "dacapo_outcomes", "dacapo_stream_records"].some(
      (table) =>
        firstRow(this.#sql.rows<{ log: number }>(`select log from ${table} where log = ? limit 1`, log)) !== undefined,
    );
    if (!left) this.#sql.run("update dacapo_logs set state = 'gone' where name = ?", name);
    return left;
  }
}

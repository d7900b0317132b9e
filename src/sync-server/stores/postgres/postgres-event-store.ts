/**
 * The event store on Postgres, for many nodes on one database.
 *
 * Guarantees (event-store.postgres.test.ts, postgres.failures.test.ts):
 * - Each call is one statement, so each is one transaction. An append is one call of `dacapo_append_1`.
 * - A killed connection fails at most the calls that used it. A read is sent again, once, on another connection. An
 *   append is not, because it may have been written: its writer reads again and finds its commits by their ids (S2).
 * - If opening fails, the next call opens again.
 */
import { BugError, type DacapoError, StorageLostError } from "../../../core/values/errors.ts";
import { type Cursor, positionOf } from "../../../core/history/record.ts";
import { parseOwnJson } from "../../../core/values/json.ts";
import { checkAppend } from "../check-append.ts";
import { parametersOf } from "./append-parameters.ts";
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
  SpentTickets,
  StoredRecord,
  StoreHints,
  StorePresence,
} from "../event-store.ts";
import { sizedRecords } from "../sqlite/rows.ts";
import { takePage } from "../take-page.ts";
import { classifyPostgresError } from "./failure.ts";
import { prepareLayout } from "./layout.ts";
import { adoptId, renameLog } from "./move.ts";
import { PostgresModels } from "./models.ts";
import { NodeChannel } from "./node-channel.ts";
import type { PostgresPool, Statements } from "./pool.ts";
import {
  type HeadRow,
  headOf,
  type KnownRow,
  type OutcomeRow,
  type PageRow,
  type Queries,
  queriesOf,
} from "./queries.ts";

/** Rows that one step of `drop` deletes from each table, so that no statement runs for long. */
const DROP_STEP_ROWS = 1_000;
/** Spent tickets are kept for so long after their end, because the clocks of nodes differ. */
const CLOCKS_DIFFER_MS_MAX = 3_600_000;

export class PostgresEventStore implements EventStore {
  readonly hints: StoreHints;
  readonly presence: StorePresence;
  readonly models: PostgresModels;
  readonly tickets: SpentTickets = { spend: (nonce, until, now) => this.#spend(nonce, until, now) };
  readonly #channel: NodeChannel;
  readonly #pool: PostgresPool;
  readonly #schema: string;
  readonly #queries: Queries;
  #opening: Promise<void> | null = null;
  #isClosed = false;

  /** `schema` is the schema's name in quotes. */
  constructor(url: string, pool: PostgresPool, schema: string) {
    this.#channel = new NodeChannel({ url, schema, query: (text, values) => pool.query("notify", text, values) });
    this.hints = this.#channel.hints;
    this.presence = this.#channel.presence;
    this.#pool = pool;
    this.#schema = schema;
    this.#queries = queriesOf(schema);
    this.models = new PostgresModels(schema, {
      read: (name, text, values) => this.#readText(name, text, values),
      write: (name, text, values) => this.#writeText(name, text, values),
    });
  }

  /** Prepares the tables. Every call waits for it. A failure is forgotten, so that the next call tries again. */
  open(): Promise<void> {
    this.#opening ??= this.#prepare().catch((error: unknown) => {
      this.#opening = null;
      throw classifyPostgresError(error, "opening").error;
    });
    return this.#opening;
  }

  async head(log: string): Promise<LogHead> {
    const [row] = await this.#read<HeadRow>("head", [log]);
    if (!row) return { kind: "absent" };
    return row.state === "open" ? { kind: "open", cursor: headOf(row) } : { kind: "gone" };
  }

  async append(log: string, append: Append): Promise<AppendResult> {
    checkAppend(append);
    const { expected, forgetOutcomesBefore, outcomesPerActorMax } = append;
    const values = [
      log,
      expected?.position ?? null,
      expected?.mark ?? null,
      ...parametersOf(append),
      forgetOutcomesBefore,
      outcomesPerActorMax,
    ];
    const { models } = append;
    if (models)
      return this.#transaction("append", (sql) => this.models.appendWith(sql, this.#queries.append, values, models));
    const [row] = await this.#write<{ result: string }>("append", values);
    if (!row) throw new BugError("The append function returned no row", { log });
    return parseOwnJson<AppendResult>(row.result);
  }

  async read(log: string, after: Cursor | null, limit: ReadLimit): Promise<ReadResult> {
    const rows = await this.#read<PageRow>("page", [log, positionOf(after), limit.events, limit.bytes]);
    const [row] = rows;
    if (!row) return after === null ? { kind: "absent" } : { kind: "diverged", head: null };
    if (row.state !== "open") return { kind: "gone" };
    const head = headOf(row);
    if (after !== null && row.at_mark !== after.mark) return { kind: "diverged", head };
    return { kind: "page", records: recordsOf(rows, limit), head };
  }

  async readStream(log: string, stream: string, after: number, limit: ReadLimit): Promise<readonly StoredRecord[]> {
    return recordsOf(await this.#read<PageRow>("stream", [log, after, limit.events, limit.bytes, stream]), limit);
  }

  async written(log: string, streams: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.#read<{ stream: string }>("written", [log, JSON.stringify(streams)]);
    return new Set(rows.map(({ stream }) => stream));
  }

  async known(log: string, commits: readonly string[]): Promise<ReadonlyMap<string, KnownCommit>> {
    const known = new Map<string, KnownCommit>();
    for (const row of await this.#read<KnownRow>("known", [log, JSON.stringify(commits)])) {
      const { record, outcomes } = known.get(row.commit_id) ?? { record: null, outcomes: [] };
      known.set(
        row.commit_id,
        row.last !== null && row.mark !== null
          ? { record: { actor: row.actor, at: { position: row.last, mark: row.mark } }, outcomes }
          : { record, outcomes: [...outcomes, { actor: row.actor, text: row.text ?? "" }] },
      );
    }
    return known;
  }

  async drop(log: string): Promise<void> {
    await this.#write("markDropping", [log]);
    await this.#deleteRows(log);
  }

  async logs(): Promise<readonly string[]> {
    return (await this.#read<{ name: string }>("names", [])).map(({ name }) => name);
  }

  async droppedLogs(): Promise<readonly string[]> {
    return (await this.#read<{ name: string }>("droppedNames", [])).map(({ name }) => name);
  }

  async outcomes(log: string, after: OutcomeKey | null, limit: number): Promise<readonly KeptOutcome[]> {
    const rows = await this.#read<OutcomeRow>("outcomes", [log, after?.commit ?? "", after?.actor ?? "", limit]);
    return rows.map(({ commit_id, actor, received, text }) => ({ commit: commit_id, actor, received, text }));
  }

  rename(log: string, to: string): Promise<RenameResult> {
    return this.#transaction("rename", (sql) => renameLog(sql, this.#schema, log, to));
  }

  adoptId(id: string): Promise<boolean> {
    return this.#transaction("adoptId", (sql) => adoptId(sql, this.#schema, id));
  }

  async id(): Promise<string> {
    const [row] = await this.#read<{ id: string }>("server", []);
    if (row) return row.id;
    throw new StorageLostError({
      message: "The event store has no row in dacapo_server",
      fix: "Restore the database from a backup.",
    });
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#opening?.catch(() => {});
    await this.#channel.close();
    await this.#pool.close();
  }

  async #spend(nonce: string, until: number, now: number): Promise<boolean> {
    return (await this.#write("spend", [nonce, until, now - CLOCKS_DIFFER_MS_MAX])).length > 0;
  }

  async #deleteRows(log: string): Promise<void> {
    for (let deleted = 1; deleted > 0;) {
      const [row] = await this.#write<{ deleted: number }>("deleteStep", [log, DROP_STEP_ROWS]);
      deleted = row?.deleted ?? 0;
    }
    while (await this.models.dropStep(log, DROP_STEP_ROWS));
    await this.#write("markGone", [log]);
  }

  async #prepare(): Promise<void> {
    await this.#pool.transaction(async (sql) => {
      const [setting] = await sql.rows<{ synchronous_commit: string }>("show synchronous_commit", []);
      if (setting?.synchronous_commit === "off") throw notDurable();
      await prepareLayout(sql, this.#schema);
    });
    void this.#finishDrops();
  }

  /** Continues drops that a crash interrupted. */
  async #finishDrops(): Promise<void> {
    try {
      const rows = await this.#pool.query<{ name: string }>("dropping", this.#queries.dropping, []);
      for (const { name } of rows) await this.#deleteRows(name);
    } catch {
      // The names are gone already, and the next opening tries again.
    }
  }

  #read<Row extends object>(name: keyof Queries, values: unknown[]): Promise<readonly Row[]> {
    return this.#readText<Row>(name, this.#queries[name], values);
  }

  #write<Row extends object>(name: keyof Queries, values: unknown[]): Promise<readonly Row[]> {
    return this.#writeText<Row>(name, this.#queries[name], values);
  }

  async #readText<Row extends object>(name: string, text: string, values: unknown[]): Promise<readonly Row[]> {
    return this.#call<Row>(name, text, values)
      .catch((error: unknown) => {
        if (!classifyPostgresError(error, name).isConnectionLost) throw error;
        return this.#call<Row>(name, text, values);
      })
      .catch((error: unknown) => {
        throw classifyPostgresError(error, name).error;
      });
  }

  async #writeText<Row extends object>(name: string, text: string, values: unknown[]): Promise<readonly Row[]> {
    return this.#call<Row>(name, text, values).catch((error: unknown) => {
      throw classifyPostgresError(error, name).error;
    });
  }

  async #transaction<Result>(place: string, work: (sql: Statements) => Promise<Result>): Promise<Result> {
    try {
      if (this.#isClosed) throw closed();
      await this.open();
      return await this.#pool.transaction(work);
    } catch (error) {
      throw classifyPostgresError(error, place).error;
    }
  }

  async #call<Row extends object>(name: string, text: string, values: unknown[]): Promise<readonly Row[]> {
    if (this.#isClosed) throw closed();
    await this.open();
    return this.#pool.query<Row>(name, text, values);
  }
}

function recordsOf(rows: readonly PageRow[], limit: ReadLimit): StoredRecord[] {
  const records = rows.flatMap((row) =>
    row.first === null ? [] : [{ ...row, first: row.first, mark: row.record_mark }],
  );
  return takePage(sizedRecords(records), limit);
}

function notDurable(): DacapoError {
  return new StorageLostError({
    message: "Postgres reports a commit before it is on the disk, because synchronous_commit is off",
    fix: "Set synchronous_commit to on for this database role. Otherwise a crash loses commits of devices.",
  });
}

function closed(): DacapoError {
  return new StorageLostError({
    message: "The event store is closed",
    fix: "Open a new one. Close a store only after its server.",
  });
}

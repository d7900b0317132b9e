/**
 * The event store on SQL tables, for every dialect: results of the port, drops in steps, opening and closing.
 *
 * Guarantees:
 * - Each call is one transaction of the tables.
 * - After a final failure, and after `close`, every later call rejects with the same error (S2, sqlite.test.ts).
 * - If opening fails, the next call opens again (postgres.failures.test.ts).
 */
import type { Cursor } from "../../../core/history/record.ts";
import { StorageLostError } from "../../../core/values/errors.ts";
import type {
  Append,
  AppendResult,
  EventStore,
  KeptOutcome,
  KnownCommit,
  LogHead,
  LogTurn,
  OutcomeKey,
  ReadLimit,
  ReadResult,
  RenameResult,
  StoredRecord,
} from "../event-store.ts";
import type { SpentTickets, StoreHints, StorePresence } from "../between-nodes.ts";
import type { ModelStore } from "../model-store.ts";
import { LogCalls } from "./log-calls.ts";
import { RESTORE_FIX } from "../stored-record.ts";
import { outcomeOf } from "./rows.ts";
import { type Call, callTables, closedStore, type LogTables, type MaybePromise, type Tables } from "./tables.ts";

export class TableEventStore implements EventStore {
  readonly hints?: StoreHints;
  readonly presence?: StorePresence;
  readonly tickets?: SpentTickets;
  readonly models?: ModelStore;
  readonly takeTurn?: NonNullable<EventStore["takeTurn"]>;
  readonly #log: LogCalls;
  readonly #tables: Tables;
  #opening: Promise<void> | null = null;

  constructor(tables: Tables) {
    this.#tables = tables;
    const call: Call = (place, work) => this.#call(place, work);
    this.#log = new LogCalls(tables, call);
    const hold = tables.hold?.bind(tables);
    if (hold) this.takeTurn = (log, work) => this.#takeTurn(hold, log, work);
    const spend = tables.spend?.bind(tables);
    if (tables.hints) this.hints = tables.hints;
    if (tables.presence) this.presence = tables.presence;
    if (spend) this.tickets = { spend: (...ticket) => call("spend", () => spend(...ticket)) };
    if (this.#log.models) this.models = this.#log.models;
    if (!tables.prepare) void this.#finishDrops();
  }

  async open(): Promise<void> {
    await this.#prepared();
  }

  head(log: string): Promise<LogHead> {
    return this.#log.head(log);
  }

  append(log: string, append: Append): Promise<AppendResult> {
    return this.#log.append(log, append);
  }

  read(log: string, after: Cursor | null, limit: ReadLimit): Promise<ReadResult> {
    return this.#log.read(log, after, limit);
  }

  readStream(log: string, stream: string, after: number, limit: ReadLimit): Promise<readonly StoredRecord[]> {
    return this.#log.readStream(log, stream, after, limit);
  }

  written(log: string, streams: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#log.written(log, streams);
  }

  known(log: string, commits: readonly string[]): Promise<ReadonlyMap<string, KnownCommit>> {
    return this.#log.known(log, commits);
  }

  async drop(log: string): Promise<void> {
    await this.#call("drop", () => this.#tables.markDropping(log));
    await this.#deleteRows(log);
  }

  logs(): Promise<readonly string[]> {
    return this.#call("logs", () => this.#tables.names("open"));
  }

  droppedLogs(): Promise<readonly string[]> {
    return this.#call("droppedLogs", () => this.#tables.names("dropped"));
  }

  async outcomes(log: string, after: OutcomeKey | null, limit: number): Promise<readonly KeptOutcome[]> {
    return (await this.#call("outcomes", () => this.#tables.outcomes(log, after, limit))).map(outcomeOf);
  }

  rename(log: string, to: string): Promise<RenameResult> {
    return this.#call("rename", () => this.#tables.rename(log, to));
  }

  async id(): Promise<string> {
    const id = await this.#call("id", () => this.#tables.id());
    if (id !== undefined) return id;
    throw new StorageLostError({ message: "The event store has no row in dacapo_server", fix: RESTORE_FIX });
  }

  adoptId(id: string): Promise<boolean> {
    return this.#call("adoptId", () => this.#tables.adoptId(id));
  }

  async close(): Promise<void> {
    this.#tables.end ??= closedStore();
    await this.#opening?.catch(() => {});
    await this.#tables.close();
  }

  #call<Result>(place: string, work: () => MaybePromise<Result>): Promise<Result> {
    return callTables(this.#tables, place, () => {
      if (!this.#tables.prepare) return work();
      return this.#prepared().then(work);
    });
  }

  /** An error of `work` is not of the store, so it stays as it is. */
  #takeTurn<Result>(
    hold: NonNullable<Tables["hold"]>,
    log: string,
    work: (turn: LogTurn) => Promise<Result>,
  ): Promise<Result> {
    const call: Call = (place, statement) => callTables(this.#tables, place, statement);
    const failed: unknown[] = [];
    const run = (held: LogTables): Promise<Result> =>
      work(new LogCalls(held, call)).catch((error: unknown) => {
        failed.push(error);
        throw error;
      });
    return this.#call("turn", () => hold(log, run)).catch((error: unknown) => {
      throw failed.length > 0 ? failed[0] : error;
    });
  }

  /** Prepares the tables once. A failure is forgotten, so that the next call tries again. */
  async #prepared(): Promise<void> {
    this.#opening ??= callTables(this.#tables, "opening", async () => {
      await this.#tables.prepare?.();
      if (this.#tables.prepare) void this.#finishDrops();
    }).catch((error: unknown) => {
      this.#opening = null;
      throw error;
    });
    await this.#opening;
  }

  /** Continues drops that a crash interrupted. */
  async #finishDrops(): Promise<void> {
    try {
      const names = await callTables(this.#tables, "drop", () => this.#tables.names("dropping"));
      for (const name of names) await this.#deleteRows(name);
    } catch {
      // The names are gone already, and the next opening tries again. A store that has failed reports it at its next
      // call.
    }
  }

  async #deleteRows(log: string): Promise<void> {
    while (await callTables(this.#tables, "drop", () => this.#tables.deleteStep(log)))
      // Other logs are served in between.
      await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

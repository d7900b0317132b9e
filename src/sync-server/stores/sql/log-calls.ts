/** The calls by which a batch is decided and written, on SQL tables: results of the port. */
import type { Cursor } from "../../../core/history/record.ts";
import type {
  Append,
  AppendResult,
  KnownCommit,
  LogHead,
  LogTurn,
  ReadLimit,
  ReadResult,
  StoredRecord,
} from "../event-store.ts";
import type { ModelStore } from "../model-store.ts";
import { planAppend } from "./plan-append.ts";
import { knownOf } from "./rows.ts";
import type { Call, LogTables } from "./tables.ts";

export class LogCalls implements LogTurn {
  readonly models?: ModelStore;
  readonly #tables: LogTables;
  readonly #call: Call;

  constructor(tables: LogTables, call: Call) {
    this.#tables = tables;
    this.#call = call;
    if (tables.models) this.models = tables.models(call);
  }

  async head(log: string): Promise<LogHead> {
    const found = await this.#call("head", () => this.#tables.head(log));
    if (found === undefined) return { kind: "absent" };
    return found.isOpen ? { kind: "open", cursor: found.head } : { kind: "gone" };
  }

  async append(log: string, append: Append): Promise<AppendResult> {
    const plan = planAppend(append);
    return this.#call("append", () => this.#tables.append(log, plan));
  }

  async read(log: string, after: Cursor | null, limit: ReadLimit): Promise<ReadResult> {
    const found = await this.#call("read", () => this.#tables.page(log, after, limit));
    if (found === undefined) return after === null ? { kind: "absent" } : { kind: "diverged", head: null };
    const { isOpen, isHere, records, head } = found;
    if (!isOpen) return { kind: "gone" };
    return isHere ? { kind: "page", records, head } : { kind: "diverged", head };
  }

  readStream(log: string, stream: string, after: number, limit: ReadLimit): Promise<readonly StoredRecord[]> {
    return this.#call("readStream", () => this.#tables.stream(log, stream, after, limit));
  }

  async written(log: string, streams: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(await this.#call("written", () => this.#tables.written(log, streams)));
  }

  async known(log: string, commits: readonly string[]): Promise<ReadonlyMap<string, KnownCommit>> {
    return knownOf(await this.#call("known", () => this.#tables.known(log, [...new Set(commits)])));
  }
}

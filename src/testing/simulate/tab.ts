/**
 * One tab: the real engine and sync loop of a worker, and the rows that its page would show.
 *
 * Every wait of the tab is queued under its owner, so that the tab can freeze or die at any await.
 */
import type { CommandRequest, DomainDefinition } from "../../core/domain/definition.ts";
import type { PlainError } from "../../core/values/plain-error.ts";
import { type Json, sameJson, parseOwnJson } from "../../core/values/json.ts";
import type { Presence } from "../../core/wire/messages.ts";
import type { RowEntry } from "../../core/fold/rows.ts";
import {
  callResult,
  type CallAnswer,
  type PageUpdate,
  type PlainRejection,
  type WhenStuck,
  unwrap,
  type WorkerLog,
  type WorkerStatus,
} from "../../client/messages/worker-messages.ts";
import { type ExecuteCalls, executeCalls } from "../../client/page/execute-calls.ts";
import { openWorkerLog } from "../../client/worker/open-worker-log.ts";
import type { SessionParts } from "../../client/worker/session-parts.ts";
import type { Journal } from "./journal.ts";
import type { Owner } from "./scheduler.ts";

export type TabOptions = Pick<SessionParts, "env" | "store" | "transport"> & {
  readonly owner: Owner;
  readonly device: string;
  readonly domain: DomainDefinition;
  /** The release that the tab runs instead. */
  readonly running: DomainDefinition;
  readonly log: string;
  readonly user: string;
  readonly journal: Journal;
  readonly whenStuck: WhenStuck;
};

/** More than 12 fields, because checks read each part of the page on its own: rows, status, presence, open calls. */
export class SimTab {
  readonly owner: Owner;
  readonly domain: DomainDefinition;
  readonly tables = new Map<string, Map<string, RowEntry>>();
  status: WorkerStatus | null = null;
  rejections: readonly PlainRejection[] = [];
  /** The presence of other devices, as its page shows it. */
  presence: readonly Presence[] = [];
  /** The presence that its page set. Undefined: it set none. */
  shows: Json | undefined = undefined;
  /** When someone last came back to it, in virtual milliseconds. */
  wokeAt = 0;
  /** Ends when the log is open, or could not be opened. */
  opened: Promise<boolean> = Promise.resolve(false);
  /** Commits that were reported to it as durable, oldest first. */
  readonly made: string[] = [];
  paused = false;
  isCalledOffline = false;
  /** Calls that have not been answered. */
  open = 0;
  readonly #options: TabOptions;
  #api: WorkerLog | null = null;
  #calls: ExecuteCalls | null = null;
  #client = "";

  constructor(options: TabOptions) {
    this.#options = options;
    this.owner = options.owner;
    this.domain = options.domain;
  }

  get client(): string {
    return this.#client;
  }

  /** False: opened without a server. */
  get isSynced(): boolean {
    return this.#options.transport !== null;
  }

  get isReady(): boolean {
    return this.#api !== null && this.owner.state === "running";
  }

  /** Opens the log; false where the device's storage did not let it. */
  async start(): Promise<boolean> {
    const { domain, running, log, user, env, store, transport, whenStuck } = this.#options;
    try {
      const api = await openWorkerLog({
        domain: running,
        options: { log, user, syncUrl: transport && "sim:", whenStuck, visible: true },
        page: { changed: (text) => this.#take(text) },
        env,
        store,
        transport,
      });
      const first = unwrap(api.opened());
      this.#client = first.client;
      this.#take(first.update);
      for (const name of domain.projections.keys()) {
        const entries = parseOwnJson<readonly RowEntry[]>(unwrap(api.watch(name)).entries);
        this.tables.set(name, new Map(entries.map((entry) => [entry.key, entry])));
      }
      this.#api = api;
      this.#calls = executeCalls((batch) => api.executeBatch(batch));
      return true;
    } catch {
      return false;
    }
  }

  execute(requests: readonly CommandRequest[], endRejection: string | null = null): void {
    const api = this.#api;
    const calls = this.#calls;
    if (!api || !calls) return;
    const { journal, device, log, user } = this.#options;
    const ask = journal.nextAsk++;
    journal.entries.push({ kind: "asked", ask, device, log, actor: user, client: this.#client, requests });
    if (endRejection !== null) journal.entries.push({ kind: "discarded", commit: endRejection, device });
    void this.#call(async () => {
      const answer = await callResult(() => calls.execute(requests, { ask, of: log }, endRejection));
      if (answer.ok) return this.#acknowledged(api, ask, answer.value);
      const { error } = answer;
      journal.entries.push({ kind: "refused", ask, code: codeOf(error), isRejected: error.code === "rejected" });
    });
  }

  takeBack(how: "undo" | "redo"): void {
    const api = this.#api;
    if (!api) return;
    const { journal, device, log, user } = this.#options;
    const ask = journal.nextAsk++;
    journal.entries.push({ kind: "askedBack", ask, device, log, actor: user, client: this.#client, how });
    void this.#call(async () => {
      // Every other one overwrites what other authors did since.
      const answer = await api[how](ask % 2 === 0);
      if (answer.ok && answer.value) return this.#acknowledged(api, ask, answer.value.commit);
      journal.entries.push({ kind: "refused", ask, code: answer.ok ? "nothing-there" : codeOf(answer.error) });
    });
  }

  withdraw(commit: string): void {
    const { journal, device } = this.#options;
    journal.entries.push({ kind: "withdrawn", commit, device });
    void this.#call(async () => void (await this.#api?.withdraw(commit)));
  }

  show(data: Json): void {
    this.shows = data;
    this.#api?.setPresence(data);
  }

  /** The text of an export; null where the device's storage did not let it. */
  async export(): Promise<string | null> {
    let text = "";
    for (let begin = true; ; begin = false) {
      const answer = await this.#api?.exportNext(begin);
      if (!answer?.ok) return null;
      if (answer.value === null) return text;
      text += answer.value;
    }
  }

  /** False where the import was refused. */
  async import(text: string): Promise<boolean> {
    return (await this.#api?.importNext(text, { begin: true, last: true }))?.ok ?? false;
  }

  discard(commit: string): void {
    const api = this.#api;
    this.#options.journal.entries.push({ kind: "discarded", commit, device: this.#options.device });
    void this.#call(async () => void (await api?.discard(commit)));
  }

  setPaused(paused: boolean): void {
    this.#wake();
    this.paused = paused;
    this.#api?.setPaused(paused);
  }

  /** The signals of a page to which a person returns. */
  look(): void {
    this.#wake();
    this.#api?.lifecycle("visible");
  }

  /** The browser reports its network, truly or not. */
  hint(hint: "online" | "offline"): void {
    this.#wake();
    this.isCalledOffline = hint === "offline";
    this.#api?.lifecycle(hint);
  }

  thawed(): void {
    this.#wake();
    this.#api?.lifecycle("resumed");
  }

  #wake(): void {
    this.wokeAt = this.#options.env.elapsed();
  }

  close(): void {
    const api = this.#api;
    this.#api = null;
    void api?.close().then(() => {
      this.owner.state = "dead";
    });
  }

  #acknowledged(api: WorkerLog, ask: number, commit: string): void {
    this.#options.journal.entries.push({ kind: "acknowledged", ask, commit });
    this.made.push(commit);
    this.#settle(api, commit);
  }

  #settle(api: WorkerLog, commit: string): void {
    void this.#call(async () => {
      const answer = await api.settled(commit);
      if (!answer.ok) return;
      const { settled } = answer.value;
      const code = settled.outcome === "rejected" ? settled.code : null;
      this.#options.journal.entries.push({
        kind: "settled",
        commit,
        device: this.#options.device,
        outcome: settled.outcome,
        code,
      });
    });
  }

  async #call(run: () => Promise<void>): Promise<void> {
    this.open++;
    await run();
    this.open--;
  }

  #take(text: string): void {
    const update = parseOwnJson<PageUpdate>(text);
    if (update.status) this.status = update.status;
    if (update.rejections) this.rejections = update.rejections;
    if (update.presence) this.presence = update.presence;
    for (const { projection, set, removed } of update.deltas ?? []) {
      const table = this.tables.get(projection);
      for (const key of removed) table?.delete(key);
      for (const entry of set) table?.set(entry.key, entry);
    }
    if (update.answers) {
      this.#requireShown(update.answers);
      this.#calls?.settle(update.answers);
    }
  }

  /** An answer must not leave before its rows: when it arrives, the page's tables equal the engine's. */
  #requireShown(answers: readonly CallAnswer[]): void {
    const api = this.#api;
    const commits = answers.flatMap(({ answer }) => (answer.ok ? [answer.value.commit] : []));
    if (!api || commits.length === 0) return;
    // Copied before the engine's rows are read, because `watch` sends the page the rows that it lacks.
    const shown = [...this.tables].map(([projection, table]) => ({ projection, rows: new Map(table) }));
    for (const { projection, rows } of shown) {
      const entries = parseOwnJson<readonly RowEntry[]>(unwrap(api.watch(projection)).entries);
      if (entries.length === rows.size && entries.every((entry) => sameEntry(rows.get(entry.key), entry))) continue;
      this.#options.journal.entries.push({ kind: "unshown", tab: this.owner.name, projection, commits });
    }
  }
}

function sameEntry(left: RowEntry | undefined, right: RowEntry): boolean {
  return left !== undefined && left.pending === right.pending && sameJson(left.row, right.row);
}

/** Why a command was refused, in the words of what refused it. */
function codeOf({ code, details }: PlainError): string {
  return typeof details["code"] === "string" ? details["code"] : code;
}

/**
 * Checks each request and its reply at the servers, before the network can lose them.
 *
 * It reports a problem in these cases:
 * - A commit that is pushed again gets another outcome (2). A restore resets this comparison.
 * - A dropped log answers again (gone).
 * - An honest device says that it has seen more of a stream than there was before its own cursor (seen). In worlds
 *   where devices lose logs, it may claim any version that the stream ever had.
 */
import type { NodeReply, NodeRequest } from "./parts.ts";
import type { ServerStore } from "./server-store.ts";
import { parseOwnJson } from "../../core/values/json.ts";

type Seen = { readonly stream: string; readonly seen: number };
type PlainPush = {
  readonly after: string | null;
  readonly commits: readonly {
    readonly id: string;
    readonly client: string;
    readonly meta: { readonly ask?: number } | null;
    readonly commands: readonly (Seen & { readonly reads: readonly Seen[] })[];
  }[];
};
type PlainAnswer = {
  readonly outcomes: readonly { readonly id: string; readonly outcome: string; readonly at?: string }[];
};

export class ServerWitness {
  readonly problems = new Set<string>();
  /** For each push, the JSON of its client id and its `ask` numbers in order. */
  readonly pushedAsks = new Set<string>();
  readonly #store: ServerStore;
  #told = new Map<string, string>();

  /**
   * True if devices may lose their confirmed log and keep their `seen`: with the right to read, or because a release or
   * a restore ends the base that their log begins at. Then a cursor does not bound what a device has seen.
   */
  readonly #losesLogs: boolean;

  constructor(store: ServerStore, losesLogs: boolean) {
    this.#store = store;
    this.#losesLogs = losesLogs;
  }

  restored(): void {
    this.#told = new Map();
  }

  /** Checks a request, and returns the function that checks its reply. */
  seeRequest(request: NodeRequest, isHonest: boolean): (reply: NodeReply) => void {
    const told = this.#told;
    const wasGone = this.#store.isDropped(request.log);
    if (isHonest && request.kind === "push") this.#checkPush(request.log, parseOwnJson<PlainPush>(request.text));
    return (reply) => {
      if (reply.code !== "ok") return;
      if (wasGone) this.problems.add(`gone: ${request.log} was deleted for good and answers again`);
      // Skip a request during a restore, because the server may have decided it before or after the restore.
      if (request.kind === "push" && told === this.#told)
        this.#checkOutcomes(request, parseOwnJson<PlainAnswer>(reply.text));
    };
  }

  #checkPush(log: string, { after, commits }: PlainPush): void {
    const [first] = commits;
    if (first) this.pushedAsks.add(JSON.stringify([first.client, ...commits.map(({ meta }) => meta?.ask ?? -1)]));
    const before = this.#store.versionsAt(log, after);
    // The server answers that the histories diverged, and the device lowers its `seen`.
    if (!before) return;
    const versions = this.#losesLogs ? this.#store.highestVersions(log) : before;
    for (const { id, commands } of commits) {
      for (const { stream, seen } of commands.flatMap((command) => [command, ...command.reads])) {
        const version = versions.get(stream) ?? 0;
        if (seen > version)
          this.problems.add(`seen: commit ${id} claims version ${seen} of ${stream}, which had at most ${version}`);
      }
    }
  }

  #checkOutcomes({ log, actor }: NodeRequest, { outcomes }: PlainAnswer): void {
    for (const { id, outcome, at } of outcomes) {
      const key = `${log} ${actor} ${id}`;
      const now = `${outcome} ${at ?? ""}`;
      const before = this.#told.get(key);
      if (before !== undefined && before !== now)
        this.problems.add(`2: ${actor} was told ${before} of commit ${id}, and then ${now}`);
      this.#told.set(key, now);
    }
  }
}

/**
 * Reads every text on the wire, checks it, and collects data for the history checker.
 *
 * It reports a problem in these cases:
 * - A commit that was pushed is rewritten. Later pushes of it may differ only in `seen`, which may only become lower.
 * - A reader of a log gets a text of another log (8).
 * - A device sends a request before the server's retry time (11).
 */
import type { PushedCommit } from "./journal.ts";
import { parseOwnJson } from "../../core/values/json.ts";

type Seen = { readonly stream: string; readonly seen: number };
type Sender = { readonly name: string; readonly log: string; readonly user: string };
type WireCommit = {
  readonly id: string;
  readonly actor: string;
  readonly commands: readonly (Seen & { readonly reads: readonly Seen[] })[];
};

export class WireTap {
  readonly problems = new Set<string>();
  /** Commits that the server reported as empty: log, actor and id. */
  readonly empty = new Set<string>();
  readonly #logs: readonly string[];
  readonly #pushed = new Map<string, PushedCommit[]>();
  /** The last pushes, which the hostile member steals. */
  readonly pushes: { readonly log: string; readonly text: string }[] = [];

  constructor(logs: readonly string[]) {
    this.#logs = logs;
  }

  /** Each commit as it was pushed. A commit occurs again if its `seen` was lowered. */
  get pushed(): readonly PushedCommit[] {
    return [...this.#pushed.values()].flat();
  }

  see(direction: "out" | "in" | "early", sender: Sender, text: string): void {
    const { log, user: actor } = sender;
    if (direction === "early") return void this.problems.add(`11: ${text}`);
    for (const other of this.#logs) {
      if (other !== log && text.includes(`"of":"${other}"`))
        this.problems.add(`8: ${actor} of ${log} was sent a text of ${other}`);
    }
    if (direction === "in") {
      for (const [, id = ""] of text.matchAll(/\{"id":"([0-9a-f-]{36})","outcome":"empty"\}/g))
        this.empty.add(`${log} ${actor} ${id}`);
      return;
    }
    this.pushes.push({ log, text });
    if (this.pushes.length > 20) this.pushes.shift();
    const push = parseOwnJson<{ readonly commits: readonly WireCommit[] }>(text);
    for (const commit of push.commits) this.#compare(sender, commit);
  }

  #compare({ name, log, user: actor }: Sender, commit: WireCommit): void {
    // The key has the device's name, because a copy pushes the same commits and notices at another time that histories
    // diverged.
    const key = `${name} ${log} ${actor} ${commit.id}`;
    const texts = this.#pushed.get(key) ?? [];
    const before = texts.at(-1);
    const text = JSON.stringify(commit);
    if (before?.text === text) return;
    this.#pushed.set(key, [...texts, { log, actor, text }]);
    if (before === undefined) return;
    const first = parseOwnJson<WireCommit>(before.text);
    if (withoutSeen(first) !== withoutSeen(commit))
      this.problems.add(`commit ${commit.id} was rewritten between two pushes`);
    const [was, is] = [seenOf(first), seenOf(commit)];
    if (is.some((seen, index) => seen > (was[index] ?? 0)))
      this.problems.add(`commit ${commit.id} has seen more in a later push`);
  }
}

function seenOf({ commands }: WireCommit): number[] {
  return commands.flatMap((command) => [command.seen, ...command.reads.map(({ seen }) => seen)]);
}

function withoutSeen(commit: WireCommit): string {
  const bare = <T extends Seen>(entry: T) => ({ ...entry, seen: 0 });
  return JSON.stringify({
    ...commit,
    commands: commit.commands.map((command) => ({ ...bare(command), reads: command.reads.map(bare) })),
  });
}

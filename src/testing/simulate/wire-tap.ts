/**
 * What goes over the wire, looked at as it passes: what must hold for each text, and what the history checker needs later.
 *
 * Holds: a commit that was pushed once is never rewritten: later pushes of it are the same but for `seen`, which is only ever lowered;
 * no text of one log is seen by a reader of another.
 */
import type { PushedCommit } from "./journal.ts";

type Seen = { readonly stream: string; readonly seen: number };
type Sender = { readonly name: string; readonly log: string; readonly user: string };
type WireCommit = {
  readonly id: string;
  readonly actor: string;
  readonly commands: readonly (Seen & { readonly reads: readonly Seen[] })[];
};

export class WireTap {
  readonly problems = new Set<string>();
  /** Commits of which the server said that they give no events: log, actor and id. */
  readonly empty = new Set<string>();
  readonly #logs: readonly string[];
  readonly #pushed = new Map<string, PushedCommit[]>();
  /** Pushes as they left, for a hostile member to learn from. */
  readonly pushes: { readonly log: string; readonly text: string }[] = [];

  constructor(logs: readonly string[]) {
    this.#logs = logs;
  }

  /** Each commit as it was pushed, again where it had seen less by then. */
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
    const push: { readonly commits: readonly WireCommit[] } = JSON.parse(text);
    for (const commit of push.commits) this.#compare(sender, commit);
  }

  #compare({ name, log, user: actor }: Sender, commit: WireCommit): void {
    // A copy of a device pushes the same commits, and finds at another time that histories have parted.
    const key = `${name} ${log} ${actor} ${commit.id}`;
    const texts = this.#pushed.get(key) ?? [];
    const before = texts.at(-1);
    const text = JSON.stringify(commit);
    if (before?.text === text) return;
    this.#pushed.set(key, [...texts, { log, actor, text }]);
    if (before === undefined) return;
    const first: WireCommit = JSON.parse(before.text);
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
  const bare = <T extends Seen>(place: T) => ({ ...place, seen: 0 });
  return JSON.stringify({
    ...commit,
    commands: commit.commands.map((command) => ({ ...bare(command), reads: command.reads.map(bare) })),
  });
}

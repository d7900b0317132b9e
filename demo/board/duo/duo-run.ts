/** A running duo: its server's worker, its frames, and its state for the page. */
import type { DomainEvent } from "dacapo";
import type { LogEntry } from "../event-log/event-log.tsx";
import { isSideMessage, type Side, type SideCommit, SIDES } from "./duo.ts";
import { type Cable, type DuoState, progress } from "./progress.ts";
import type { FromDuoServer, ToDuoServer } from "./server.worker.ts";
import { language, words } from "../words/language.ts";

export type DuoView = DuoState & {
  /** The server has the first cards. */
  readonly isReady: boolean;
  /** Events of the server's log, and commits of a side that are not in it. */
  readonly entries: readonly LogEntry[];
};

export class DuoRun {
  readonly name: string;
  readonly frames: ReadonlyMap<Side, { current: HTMLIFrameElement | null }> = new Map(
    SIDES.map((side) => [side, { current: null }]),
  );
  readonly #server: Worker;
  readonly #listeners = new Set<() => void>();
  #view: DuoView = { isReady: false, entries: [], cable: "in", reports: new Map(), stepsDone: 0 };

  constructor(name: string) {
    this.name = name;
    this.#server = new Worker(new URL("./server.worker.ts", import.meta.url), {
      type: "module",
      // A worker cannot read the address and the memory of its page.
      name: `${name} ${language}`,
    });
    this.#server.addEventListener("message", ({ data }: MessageEvent<FromDuoServer>) =>
      this.#change(
        data.kind === "ready" ? { isReady: true } : { entries: [entryOf(data.event), ...this.#view.entries] },
      ),
    );
    addEventListener("message", ({ data, origin }: MessageEvent<unknown>) => {
      if (origin !== location.origin || !isSideMessage(data, name)) return;
      if (data.kind === "commit") return this.#change({ entries: withCommit(this.#view.entries, data) });
      this.#change(progress(this.#view, { reports: new Map(this.#view.reports).set(data.side, data) }));
    });
  }

  /** The view. It is the same object until something changes. */
  readonly view = (): DuoView => this.#view;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  turnCable(cable: Cable): void {
    this.#server.postMessage({ cable } satisfies ToDuoServer);
    // A browser reports to its pages that the network is back. So the sides try at once, and not after their waits.
    for (const { current } of this.frames.values())
      current?.contentWindow?.dispatchEvent(new Event(cable === "in" ? "online" : "offline"));
    this.#change(progress(this.#view, { cable }));
  }

  #change(change: Partial<DuoView>): void {
    this.#view = { ...this.#view, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function entryOf(event: DomainEvent): LogEntry {
  const { id, position, actor, type, stream, data } = event;
  return { id, state: "confirmed", position, actor, type, stream, data, whole: event };
}

/** The lines of a confirmed commit are those of its events. Otherwise it has a line for each command. */
function withCommit(entries: readonly LogEntry[], commit: SideCommit): readonly LogEntry[] {
  const others = entries.filter(({ id }) => !id.startsWith(`${commit.side} ${commit.commit} `));
  if (commit.state === "confirmed") return others;
  const { state, side: actor, commands, reason } = commit;
  const lines = commands.map((command, n): LogEntry => ({
    id: `${commit.side} ${commit.commit} ${n}`,
    state,
    position: null,
    actor,
    type: command.name,
    stream: command.stream,
    data: (reason && words.reason(reason.code, reason.message)) ?? command.input ?? null,
    whole: { state, commit: commit.commit, ...command, ...(reason && { reason }) },
  }));
  return [...lines.toReversed(), ...others];
}

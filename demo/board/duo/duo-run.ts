/** A running duo: its server's worker, its frames, and its state for the page. */
import type { DomainEvent } from "dacapo";
import { inOrder, lineOf, type LogEntry } from "../event-log/lines.ts";
import { isSideMessage, type Side, type SideMessage, SIDES } from "./duo.ts";
import { forgetDuo, keepDuo, type KeptDuo } from "./kept-duo.ts";
import { type Cable, type DuoState, progress } from "./progress.ts";
import { SAMPLE_EVENTS } from "./sample.ts";
import type { FromDuoServer, ToDuoServer } from "./server.worker.ts";
import { language } from "../words/language.ts";

export type DuoView = DuoState & {
  /** The server has the first cards. */
  readonly isReady: boolean;
  /** Events of the server's log, in their order. */
  readonly events: readonly DomainEvent[];
  /** Lines of the sides that are not in it. */
  readonly lines: ReadonlyMap<string, readonly LogEntry[]>;
};

export class DuoRun {
  readonly name: string;
  readonly frames: ReadonlyMap<Side, { current: HTMLIFrameElement | null }> = new Map(
    SIDES.map((side) => [side, { current: null }]),
  );
  readonly #server: Worker;
  readonly #listeners = new Set<() => void>();
  #view: DuoView;
  #isLeft = false;

  /** @param kept its state before the page was loaded again */
  constructor(name: string, kept: KeptDuo | null) {
    const { cable, stepsDone } = kept ?? { cable: "in", stepsDone: 0 };
    this.name = name;
    this.#view = { isReady: false, events: [], lines: new Map(), cable, reports: new Map(), stepsDone };
    this.#server = new Worker(new URL("./server.worker.ts", import.meta.url), {
      type: "module",
      // A worker cannot read the address and the memory of its page.
      name: `${name} ${language} ${cable}`,
    });
    this.#server.addEventListener("message", ({ data }: MessageEvent<FromDuoServer>) =>
      this.#change(data.kind === "ready" ? { isReady: true } : { events: [...this.#view.events, data.event] }),
    );
    addEventListener("message", ({ data, origin }: MessageEvent<unknown>) => {
      if (origin === location.origin && isSideMessage(data, name)) this.#receive(data);
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

  /** The next visit of this tab starts another duo. */
  readonly leave = (): void => {
    this.#isLeft = true;
    forgetDuo();
  };

  #receive(message: SideMessage): void {
    const { side } = message;
    if (message.kind === "lines") this.#change({ lines: new Map(this.#view.lines).set(side, message.lines) });
    else this.#change(progress(this.#view, { reports: new Map(this.#view.reports).set(side, message) }));
  }

  #change(change: Partial<DuoView>): void {
    this.#view = { ...this.#view, ...change };
    const { cable, stepsDone, events, lines } = this.#view;
    const isChanged = events.length > SAMPLE_EVENTS || [...lines.values()].some((of) => of.length > 0);
    if (!this.#isLeft) keepDuo({ name: this.name, cable, stepsDone, isChanged });
    for (const listener of this.#listeners) listener();
  }
}

/** The lines of a duo. An event is arriving until both sides have it. */
export function entriesOf({ events, lines, reports }: Pick<DuoView, "events" | "lines" | "reports">) {
  const reached = Math.min(...SIDES.map((side) => reports.get(side)?.position ?? 0));
  const ofServer = events.map((event) => lineOf(event, (event.position ?? 0) > reached ? "arriving" : "confirmed"));
  const ids = new Set(ofServer.map(({ id }) => id));
  // A side has an event as pending until the answer reaches it.
  return inOrder([...ofServer, ...[...lines.values()].flat().filter(({ id }) => !ids.has(id))]);
}

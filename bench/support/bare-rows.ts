// The rows of a commit, as the store has them, for inserts without a server.
import { addTask } from "./domain.ts";

export type BareCommit = {
  readonly first: number;
  readonly last: number;
  readonly mark: string;
  readonly commit: string;
  readonly streams: readonly string[];
  readonly streamsText: string;
  readonly text: string;
};

const MARK = "ffffffffffff";
let made = 0;

/** Makes the rows of new commits. The texts have the sizes of the texts that the server writes. */
export class BareRows {
  readonly #texts = new Map<number, readonly string[]>();

  /** @param client each client has streams of its own, as in the load */
  next(events: number, position: number, client: number): BareCommit {
    const unique = client.toString(16).padStart(4, "0") + (made++).toString(16).padStart(8, "0");
    const streams = Array.from({ length: events }, (_, n) => `task/${unique}-${n}`);
    return {
      first: position + 1,
      last: position + events,
      mark: `0000${unique}`,
      commit: `018bcfe5-6800-7000-8000-${unique}`,
      streams,
      streamsText: JSON.stringify(streams.map((stream) => [stream, 1, 1])),
      text: this.#template(events).join(unique),
    };
  }

  #template(events: number): readonly string[] {
    const known = this.#texts.get(events);
    if (known) return known;
    const text = JSON.stringify({
      position: 1_000_000,
      mark: `0000${MARK}`,
      commit: `018bcfe5-6800-7000-8000-${MARK}`,
      client: "018bcfe5-6800-7000-8000-000000000001",
      actor: "device-1",
      time: Date.now(),
      received: Date.now(),
      meta: null,
      events: Array.from({ length: events }, (_, n) => {
        const { stream, input } = addTask(`${MARK}-${n}`, n);
        return { type: "TaskAdded", v: 1, stream, version: 1, data: input };
      }),
    });
    const parts = text.split(MARK);
    this.#texts.set(events, parts);
    return parts;
  }
}

/** Live sockets without a network: sockets that note what the server does, and a clock that the test moves. */
import { type Cursor, positionOf } from "../../src/core/history/record.ts";
import type { ServerFrame } from "../../src/core/wire/messages.ts";
import { parseServerFrame } from "../../src/core/wire/read-messages.ts";
import type { Env } from "../../src/sync-server/base/env.ts";
import type { LiveAttachment, LiveSocket } from "../../src/sync-server/live/server-socket.ts";
import type { EventStore, StoredRecord } from "../../src/sync-server/stores/event-store.ts";
import type { Appended } from "../../src/sync-server/writer/admit-push.ts";

export type FakeSocket = LiveSocket & {
  bufferedBytes: number;
  answeredAt: number;
  readonly frames: ServerFrame[];
  /** The code and the reason of each `close`. */
  readonly closed: (readonly [code: number, reason: string])[];
  /** The number of calls of `terminate`. */
  terminated: number;
  readonly saved: LiveAttachment[];
  /** The call that throws from now on. */
  broken: "send" | "save" | null;
};

export function fakeSocket(): FakeSocket {
  return {
    frames: [],
    closed: [],
    saved: [],
    bufferedBytes: 0,
    answeredAt: 0,
    terminated: 0,
    broken: null,
    send(text) {
      if (this.broken === "send") throw new Error("The socket is gone");
      const frame = parseServerFrame(text);
      if (!frame.ok) throw new Error(`The server sent an invalid frame: ${text}`);
      this.frames.push(frame.value);
    },
    close(code, reason) {
      this.closed.push([code, reason]);
    },
    terminate() {
      this.terminated++;
    },
    save(attachment) {
      if (this.broken === "save") throw new Error("The attachment is too large");
      this.saved.push(attachment);
    },
  };
}

/** The positions of the records that a socket got. */
export function positionsIn({ frames }: FakeSocket): readonly number[] {
  return frames.flatMap((frame) => (frame.type === "records" ? frame.records.map(({ position }) => position) : []));
}

/** The positions of the hints that a socket got. */
export function hintsIn({ frames }: FakeSocket): readonly number[] {
  return frames.flatMap((frame) => (frame.type === "head" ? [frame.head] : []));
}

/** A clock that only the test moves. A single random byte is 128, the middle. */
export function fakeClock(start = 1_000_000) {
  // A clock may be set. Timers run by the time that has passed.
  let [passed, offset] = [0, start];
  let timers: { readonly at: number; readonly run: () => void }[] = [];
  const clock = {
    get now(): number {
      return passed + offset;
    },
    /** Sets the clock. No timer runs. */
    set now(ms: number) {
      offset = ms - passed;
    },
    /** The milliseconds until each timer that waits. */
    timers: () => timers.map(({ at }) => at - passed),
    /** Lets time pass, and runs each timer at its time. */
    async advance(ms: number): Promise<void> {
      const end = passed + ms;
      for (;;) {
        const at = Math.min(...timers.map((timer) => timer.at));
        if (at > end) break;
        passed = at;
        const due = timers.filter((timer) => timer.at <= passed);
        timers = timers.filter((timer) => timer.at > passed);
        for (const { run } of due) run();
        await settled();
      }
      passed = end;
      await settled();
    },
  };
  const env: Env = {
    now: () => clock.now,
    randomBytes: (count) => new Uint8Array(count).fill(128),
    setTimer: (run, ms) => {
      const timer = { at: passed + ms, run };
      timers.push(timer);
      return () => void (timers = timers.filter((one) => one !== timer));
    },
    nextTurn: () => Promise.resolve(),
  };
  return { clock, env };
}

/** Lets everything that needs no timer happen. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Records of one event each behind a cursor, as the writer appends them. The server received each at 1,000. */
export function appendedAfter(after: Cursor | null, count: number, size = 10): Appended {
  const first = positionOf(after) + 1;
  const records = Array.from({ length: count }, (_, n): StoredRecord => {
    const position = first + n;
    const cursor = { position, mark: `m${position}` };
    const commit = crypto.randomUUID();
    const events = [{ type: "E", v: 1, stream: "task/t1", version: position, data: "x".repeat(size) }];
    const record = {
      position,
      mark: cursor.mark,
      commit,
      client: commit,
      actor: "ada",
      time: 1,
      received: 1_000,
      meta: null,
    };
    const streams = [{ stream: "task/t1", first: position, last: position }];
    return { position, cursor, commit, actor: "ada", streams, text: JSON.stringify({ ...record, events }) };
  });
  return { after, records, head: records.at(-1)?.cursor ?? after };
}

/** Appends records of one event each to a log of a store, and returns them. */
export async function appendTo(store: EventStore, count: number, log = "board"): Promise<Appended> {
  const head = await store.head(log);
  const appended = appendedAfter(head.kind === "open" ? head.cursor : null, count);
  const outcome = { outcomes: [], forgetOutcomesBefore: 0, outcomesPerActorMax: 10 };
  const { kind } = await store.append(log, { expected: appended.after, records: appended.records, ...outcome });
  if (kind !== "ok") throw new Error(`The append was refused: ${kind}`);
  return appended;
}

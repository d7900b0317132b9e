// The frames that the server sends, as a client reads them, and how it splits large changes.
import fc from "fast-check";
import { expect, test } from "vitest";
import { uuidv7 } from "../../../../src/core/values/id.ts";
import { type CommitRecord, type Cursor, cursorOf, positionOf } from "../../../../src/core/history/record.ts";
import type { Presence, ServerFrame } from "../../../../src/core/wire/messages.ts";
import { parseServerFrame } from "../../../../src/core/wire/read-messages.ts";
import { SERVER_LIMITS } from "../../../../src/sync-server/base/limits.ts";
import {
  byeFrame,
  headFrame,
  PONG_FRAME,
  presenceFrames,
  recordsFrames,
  renewedFrame,
} from "../../../../src/sync-server/live/frame-text.ts";
import { storedRecord } from "../../../../src/sync-server/stores/stored-record.ts";

const id = (n: number) => uuidv7(1_700_000_000_000 + n, new Uint8Array(10));

function read(text: string): ServerFrame {
  const frame = parseServerFrame(text);
  if (!frame.ok) throw new Error(`The frame is invalid: ${JSON.stringify(frame.problem)} in ${text}`);
  return frame.value;
}

/** Records behind a cursor: for each, the number of its events and the characters of its data. */
function recordsBehind(after: Cursor | null, shapes: readonly (readonly [number, number])[]): readonly CommitRecord[] {
  let position = positionOf(after);
  return shapes.map(([count, length], n) => {
    const first = position + 1;
    position += count;
    const events = Array.from({ length: count }, (_, k) => {
      // A text with the field's name in it, which is not when the record was received.
      const data = { text: `"received":7${"x".repeat(length)}` };
      return { type: "Added", v: 1, stream: "task/a", version: first + k, data };
    });
    const mark = position.toString(16).padStart(16, "0");
    const times = { time: 5, received: 1_000 + n };
    return { position: first, mark, commit: id(n), client: id(999), actor: "ada", ...times, meta: null, events };
  });
}

const cursors = fc.constantFrom<Cursor | null>(null, { position: 4, mark: "00000000000000aa" });
const shapes = fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.nat({ max: 600 })), { maxLength: 20 });

test("P14 recordsFrames: frames follow each other, have all records, and stay within the limits", () => {
  fc.assert(
    fc.property(cursors, shapes, fc.integer({ min: 1, max: 9 }), (after, given, pageEventsMax) => {
      const records = recordsBehind(after, given);
      const last = records.at(-1);
      const head = last ? cursorOf(last) : after;
      const limits = { ...SERVER_LIMITS, frameBytesMax: 2_000, pageEventsMax };
      const frames = recordsFrames({ after, records: records.map((one) => storedRecord(one)), head }, limits);
      const got: CommitRecord[] = [];
      let at = after;
      for (const { text, cursor, receivedAt } of frames) {
        const frame = read(text);
        if (frame.type !== "records") throw new Error("no frame of records");
        expect([frame.after, frame.head, frame.more]).toEqual([
          at,
          positionOf(head),
          positionOf(cursor) < positionOf(head),
        ]);
        expect([frame.cursor, frame.records[0]?.received]).toEqual([cursor, receivedAt]);
        const events = frame.records.reduce((sum, one) => sum + one.events.length, 0);
        if (frame.records.length > 1) expect([events <= pageEventsMax, text.length < 2_300]).toEqual([true, true]);
        got.push(...frame.records);
        at = cursor;
      }
      expect([got, at]).toEqual([records, head]);
    }),
  );
});

test("presenceFrames: a client that applies all frames has every entry, and no device that left", () => {
  const entry = (n: number, actor: string): Presence => ({ client: id(n), actor, data: n });
  fc.assert(
    fc.property(fc.nat({ max: 450 }), fc.nat({ max: 450 }), (setCount, goneCount) => {
      const set = Array.from({ length: setCount }, (_, n) => entry(n, "ada"));
      // Bob showed the same ids, and left.
      const gone = Array.from({ length: goneCount }, (_, n) => id(goneCount - 1 - n));
      const shown = new Map(gone.map((client) => [client, entry(-1, "bob")]));
      const frames = presenceFrames(set, gone).map(read);
      for (const frame of frames) {
        if (frame.type !== "presence") throw new Error("no frame of presence");
        expect(frame.set.length + frame.gone.length).toBeGreaterThan(0);
        expect([frame.set.length <= 200, frame.gone.length <= 200]).toEqual([true, true]);
        for (const client of frame.gone) shown.delete(client);
        for (const one of frame.set) shown.set(one.client, one);
      }
      expect([...shown.values()]).toEqual(set);
      expect(frames.length).toBeLessThanOrEqual(Math.ceil(setCount / 200) + Math.ceil(goneCount / 200));
    }),
    { numRuns: 30 },
  );
});

test("frames: a client reads each kind of frame as it was meant", () => {
  expect(read(headFrame(7))).toEqual({ type: "head", head: 7 });
  expect(read(PONG_FRAME)).toEqual({ type: "pong" });
  expect([read(renewedFrame(5_000)), read(renewedFrame(null))]).toEqual([
    { type: "renewed", expiresInMs: 5_000 },
    { type: "renewed", expiresInMs: null },
  ]);
  expect(read(byeFrame("gone"))).toEqual({ type: "bye", code: "gone" });
  expect(read(byeFrame("restarting", 0))).toEqual({ type: "bye", code: "restarting", retryAfterMs: 0 });
});

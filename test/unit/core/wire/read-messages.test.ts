/** Each valid message comes back from its text on both sides. `wire.fuzz.test.ts` tests invalid messages. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findJsonProblem, type Json } from "../../../../src/core/values/json.ts";
import { wireCursor } from "../../../../src/core/wire/messages.ts";
import {
  parseClientFrame,
  parseCommit,
  parseLogInfo,
  parsePage,
  parsePushAnswer,
  parsePushEnvelope,
  parseRecords,
  parseServerFrame,
  parseWireError,
} from "../../../../src/core/wire/read-messages.ts";
import { type Cursor, decodeCursor, encodeCursor } from "../../../../src/core/history/record.ts";
import { parseOwnJson } from "../../../support/own-json.ts";

const json = fc
  .jsonValue({ maxDepth: 3 })
  .map((value) => parseOwnJson<Json>(JSON.stringify(value)))
  .filter((value) => findJsonProblem(value) === null);
const uuid = fc.uuid();
const actor = fc.string({ maxLength: 128 });
const time = fc.double({ min: -8.64e15, max: 8.64e15, noNaN: true }).filter((value) => !Object.is(value, -0));
const count = fc.nat({ max: 1_000_000 });
const word = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,20}$/);
const stream = fc
  .tuple(fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/), fc.stringMatching(/^[A-Za-z0-9_~:@-]{1,40}$/))
  .map(([type, id]) => `${type}/${id}`);
const mark = fc.stringMatching(/^[A-Za-z0-9_]{1,64}$/);
const cursor = fc.record({ position: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), mark });
/** The version of a stream that the author has seen. A commit names only one version of a stream. */
const seenOf = (name: string) => name.length * 7;
const seen = stream.map((name) => ({ stream: name, seen: seenOf(name) }));
const version = fc.integer({ min: 1, max: 1_000_000 });
const command = fc
  .record(
    {
      stream,
      seen: fc.constant(0),
      reads: fc.array(seen, { maxLength: 3 }),
      name: word,
      v: version,
      input: json,
      events: fc.array(fc.record({ type: word, v: version, data: json }), { maxLength: 3 }),
    },
    { requiredKeys: ["stream", "seen", "reads", "name", "v", "events"] },
  )
  .map((one) => ({ ...one, seen: seenOf(one.stream) }));
const commit = fc.record({
  id: uuid,
  client: uuid,
  actor,
  time,
  meta: json,
  commands: fc.array(command, { minLength: 1, maxLength: 3 }),
});
/** No cause, a cause in the first commit of the chain, or a later one. */
const cause = fc.oneof(
  fc.constant({}),
  uuid.map((id) => ({ causedBy: `${id}:0` })),
  fc.record({ causedBy: uuid.map((id) => `${id}:12.1`), correlation: uuid }, { noNullPrototype: true }),
);
const eventFields = fc.record({
  id: uuid.map((id) => `${id}:3`),
  type: word,
  data: json,
  aggregate: word,
  stream,
  version,
  position: fc.option(version),
  time,
  actor,
  client: uuid,
  meta: json,
  correlation: uuid,
});
const domainEvent = fc.tuple(eventFields, cause).map(([event, its]) => ({ ...event, ...its }));

/** Records that follow each other, from any position of the log. */
const run = fc
  .tuple(
    fc.option(cursor.map(({ position, ...rest }) => ({ ...rest, position: (position % 1_000) + 1 }))),
    fc.array(
      fc
        .tuple(
          fc.record(
            {
              events: fc.array(fc.record({ type: word, v: version, stream, version, data: json }), {
                minLength: 1,
                maxLength: 3,
              }),
              mark,
              commit: uuid,
              client: uuid,
              actor,
              time,
              received: time,
              meta: json,
            },
            { noNullPrototype: true },
          ),
          cause,
        )
        .map(([record, its]) => ({ ...record, ...its })),
      { maxLength: 3 },
    ),
  )
  .map(([after, list]) => {
    let position = after?.position ?? 0;
    const records = list.map((record) => {
      const placed = { ...record, position: position + 1 };
      position += record.events.length;
      return placed;
    });
    const last = records.at(-1);
    return { after, records, cursor: last ? { position, mark: last.mark } : after };
  });
const page = fc.tuple(run, count, fc.boolean()).map(([pages, head, more]) => ({ ...pages, head, more }));

const outcome = fc.oneof(
  fc.record({ id: uuid, outcome: fc.constant("recorded" as const), at: cursor }),
  fc.record({ id: uuid, outcome: fc.constant("empty" as const) }),
  fc.record(
    {
      id: uuid,
      outcome: fc.constant("rejected" as const),
      command: fc.nat({ max: 99 }),
      code: word,
      message: fc.string(),
      path: fc.array(fc.oneof(word, fc.nat()), { maxLength: 5 }),
      theirs: fc.array(domainEvent, { maxLength: 2 }),
    },
    { requiredKeys: ["id", "outcome", "command", "code", "message"] },
  ),
);

/** The JSON of a value, with cursors in the form of the wire. */
function wire(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => (isCursor(one) ? wireCursor(one) : one));
}

function isCursor(value: unknown): value is Cursor {
  return typeof value === "object" && value !== null && Object.keys(value).sort().join() === "mark,position";
}

function roundTrip<T>(arbitrary: fc.Arbitrary<T>, read: (text: string) => unknown): void {
  fc.assert(
    fc.property(arbitrary, (said) => {
      expect(read(wire(said))).toEqual({ ok: true, value: said });
    }),
  );
}

describe("read-messages: round trips", () => {
  test("parseCommit: reads back a commit", () => roundTrip(commit, (text) => parseCommit(JSON.parse(text))));
  test("parseRecords: reads back records", () =>
    roundTrip(
      run.map(({ records }) => records),
      (text) => parseRecords(JSON.parse(text)),
    ));
  test("parsePushEnvelope: reads back a push, and leaves its commits unchecked", () =>
    roundTrip(
      fc.record({ after: fc.option(cursor), domain: count, commits: fc.array(commit, { maxLength: 3 }) }),
      parsePushEnvelope,
    ));
  test("parsePage: returns the page of records that was written as text", () => roundTrip(page, parsePage));
  test("parsePushAnswer: reads back the answer to a push", () =>
    roundTrip(
      fc.tuple(page, fc.array(outcome, { maxLength: 4 }), fc.boolean(), uuid).map(([one, outcomes, isStopped, id]) => ({
        ...one,
        outcomes,
        ...(isStopped && { stopped: { id, code: "later" } }),
      })),
      parsePushAnswer,
    ));
  test("parseLogInfo: reads back the facts about a log", () =>
    roundTrip(
      fc.record({
        protocol: version,
        cursor: fc.option(cursor),
        head: count,
        domain: count,
        limits: fc.record({
          commitBytesMax: version,
          pushBytesMax: version,
          pushCommitsMax: version,
          pageBytesMax: version,
          pageEventsMax: version,
        }),
      }),
      parseLogInfo,
    ));
  test("parseServerFrame: reads back a frame of records", () =>
    roundTrip(
      page.map((one) => ({ type: "records" as const, ...one })),
      parseServerFrame,
    ));
  test("parseServerFrame: reads back the other frames", () =>
    roundTrip(
      fc.oneof(
        fc.record({ type: fc.constant("head"), head: count }),
        fc.record({
          type: fc.constant("presence"),
          set: fc.array(fc.record({ client: uuid, actor, data: json }), { maxLength: 2 }),
          gone: fc.array(uuid, { maxLength: 2 }),
        }),
        fc.record({ type: fc.constant("pong") }),
        fc.record({ type: fc.constant("renewed"), expiresInMs: fc.option(count) }),
        fc.record({ type: fc.constant("bye"), code: word, retryAfterMs: count }, { requiredKeys: ["type", "code"] }),
      ),
      parseServerFrame,
    ));
  test("parseClientFrame: reads back the frames of a client", () =>
    roundTrip(
      fc.oneof(
        fc.record({ type: fc.constant("ping") }),
        fc.record({ type: fc.constant("token"), token: fc.string({ maxLength: 200 }) }),
        fc.record({ type: fc.constant("presence"), client: uuid, data: json }),
      ),
      parseClientFrame,
    ));
  test("parseWireError: reads back an error", () => {
    fc.assert(
      fc.property(
        fc.record(
          {
            code: word,
            message: fc.string(),
            retry: fc.constantFrom("never", "later", "after-fix"),
            retryAfterMs: count,
          },
          { requiredKeys: ["code", "message", "retry"] },
        ),
        (error) => {
          expect(parseWireError(JSON.stringify({ error }))).toEqual({ ok: true, value: error });
        },
      ),
    );
  });
});

describe("parsePage", () => {
  const record = (position: number, events = 1) => ({
    position,
    mark: `m${position}`,
    commit: "018bcfe5-6800-7000-8000-00000000000a",
    client: "018bcfe5-6800-7000-8000-00000000000b",
    actor: "ann",
    time: 1,
    received: 1,
    meta: null,
    events: Array.from({ length: events }, (_, n) => ({ type: "Did", v: 1, stream: "a/b", version: n + 1, data: 1 })),
  });
  const read = (after: string | null, records: readonly unknown[], end: string | null) =>
    parsePage(JSON.stringify({ after, records, cursor: end, head: 9, more: false }));

  test("parsePage: accepts records that follow the cursor without a gap and end at the new one", () => {
    expect(read("4-m4", [record(5, 2), record(7)], "7-m7").ok).toBe(true);
    expect(read(null, [], null).ok).toBe(true);
    expect(read("4-m4", [], "4-m4").ok).toBe(true);
  });

  test.each([
    ["does not follow its cursor", "4-m4", [record(6)], "6-m6", ["records", 0]],
    ["overlaps it", "4-m4", [record(4)], "4-m4", ["records", 0]],
    ["has a gap", null, [record(1, 2), record(4)], "4-m4", ["records", 1]],
    ["has a record twice", null, [record(1), record(1)], "1-m1", ["records", 1]],
    ["ends elsewhere than it says", null, [record(1, 2)], "1-m1", ["cursor"]],
    ["ends with another mark than it says", null, [record(1)], "1-other", ["cursor"]],
    ["moves without records", "4-m4", [], "5-m5", ["cursor"]],
    ["has a record without events", null, [record(1, 0)], null, ["records", 0, "events"]],
  ])("parsePage: refuses a page that %s, and returns the place", (_, after, records, end, path) => {
    expect(read(after, records, end)).toMatchObject({ ok: false, problem: { path } });
  });
});

describe("decodeCursor", () => {
  test("decodeCursor: reads back a cursor from its text, and from no other text", () => {
    fc.assert(
      fc.property(cursor, (at) => {
        expect(decodeCursor(encodeCursor(at))).toEqual(at);
      }),
    );
    for (const text of [
      "",
      "1",
      "1-",
      "-m",
      "0-m",
      "01-m",
      "+1-m",
      "1.5-m",
      "1e3-m",
      "9007199254740992-m",
      `1-${"m".repeat(65)}`,
      "1-a-b",
      "1-ä",
      " 1-m",
      "1-m\n",
    ])
      expect(decodeCursor(text), text).toBeNull();
  });
});

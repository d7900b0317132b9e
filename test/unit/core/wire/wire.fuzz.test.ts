// Hostile input for all readers: each returns a value or a problem. None throws, hangs or changes a prototype.
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import type { Parsed } from "../../../../src/core/values/parsed.ts";
import { wireCursor } from "../../../../src/core/wire/messages.ts";
import {
  parseClientFrame,
  parseCommit,
  parseCommitHead,
  parseLogInfo,
  parsePage,
  parsePushAnswer,
  parsePushEnvelope,
  parseRecords,
  parseServerFrame,
  parseWireError,
} from "../../../../src/core/wire/read-messages.ts";
import { decodeCursor, encodeCursor } from "../../../../src/core/history/record.ts";
import { aggregateOf, parseStream } from "../../../../src/core/values/names.ts";
import { readCursor } from "../../../../src/sync-server/http/read-cursor.ts";
import { deepTexts, expectTotal, expectUntouched, nearly } from "../../../support/hostile-json.ts";

vi.setConfig({ testTimeout: 60_000 });
const RUNS = { numRuns: 400 };
const [id, client] = ["0193a1d0-7e1c-7a55-8a3b-2f6f0c1d9e44", "0193a1cf-0d55-7b0e-9d01-77a1c2b3d4e5"];
const event = {
  type: "TaskAdded",
  v: 1,
  stream: "task/t1",
  version: 1,
  data: { title: "Milk", list: [1, { a: null }] },
};
const command = {
  stream: "task/t1",
  seen: 0,
  reads: [{ stream: "column/todo", seen: 3 }],
  name: "add",
  v: 1,
  input: { title: "Milk" },
  events: [{ type: "TaskAdded", v: 1, data: {} }],
};
const commit = { id, client, actor: "ada", time: 1795224435123.001, meta: { from: "phone" }, commands: [command] };
const record = (position: number) => ({
  position,
  mark: `m${position}`,
  commit: id,
  client,
  actor: "ada",
  time: 1.5,
  received: 2,
  meta: null,
  events: [event],
});
const page = { after: "4-m4", records: [record(5), record(6)], cursor: "6-m6", head: 9, more: true };
const domainEvent = {
  id: `${id}:0`,
  type: "TaskAdded",
  data: {},
  aggregate: "task",
  stream: "task/t1",
  version: 1,
  position: 5,
  time: 1,
  actor: "bob",
  client,
  meta: null,
};
const outcomes = [
  { id, outcome: "recorded", at: "5-m5" },
  { id, outcome: "empty" },
  { id, outcome: "rejected", command: 0, code: "no", message: "No", path: ["title", 0], theirs: [domainEvent] },
];
const limits = { commitBytesMax: 1, pushBytesMax: 1, pushCommitsMax: 1, pageBytesMax: 1, pageEventsMax: 1 };

type Decoder = { readonly decode: (text: string) => Parsed<unknown>; readonly like: readonly unknown[] };
const decoders: Readonly<Record<string, Decoder>> = {
  parsePushEnvelope: {
    decode: parsePushEnvelope,
    like: [
      { after: null, domain: 1, commits: [commit, commit] },
      { after: "6-m6", domain: 2, commits: [] },
    ],
  },
  parsePushAnswer: {
    decode: parsePushAnswer,
    like: [
      { ...page, outcomes },
      { ...page, outcomes: [], stopped: { id, code: "later" } },
    ],
  },
  parsePage: { decode: parsePage, like: [page, { after: null, records: [], cursor: null, head: 0, more: false }] },
  parseLogInfo: { decode: parseLogInfo, like: [{ protocol: 1, cursor: "5-m5", head: 5, domain: 1, limits }] },
  parseServerFrame: {
    decode: parseServerFrame,
    like: [
      { type: "records", ...page },
      { type: "head", head: 4 },
      { type: "presence", set: [{ client, actor: "ada", data: { x: 1 } }], gone: [client] },
      { type: "pong" },
      { type: "bye", code: "gone", retryAfterMs: 5 },
    ],
  },
  parseClientFrame: {
    decode: parseClientFrame,
    like: [{ type: "ping" }, { type: "presence", client, data: { x: [1] } }],
  },
  parseWireError: {
    decode: parseWireError,
    like: [{ error: { code: "gone", message: "Gone", retry: "never", retryAfterMs: 3 } }],
  },
};

describe("read-messages: texts", () => {
  for (const [name, { decode, like }] of Object.entries(decoders)) {
    test(`${name}: returns a value or a problem for every text`, () => {
      for (const good of like) expect(decode(JSON.stringify(good)).ok).toBe(true);
      fc.assert(
        fc.property(nearly(...like), (text) => expectTotal(decode, text)),
        RUNS,
      );
    });

    test(`${name}: returns for a text that is nested a million times`, () => {
      for (const deep of [
        ...deepTexts,
        ...deepTexts.map((text) => JSON.stringify(like[0]).replace(/"[^"]*"(?=[,}])/, text)),
      ])
        expectTotal(decode, deep);
    });
  }

  test("parsePage: a page that was read can be written and read again", () => {
    const encode = ({
      after,
      cursor,
      ...rest
    }: {
      after: Parameters<typeof wireCursor>[0];
      cursor: Parameters<typeof wireCursor>[0];
    }) => JSON.stringify({ ...rest, after: wireCursor(after), cursor: wireCursor(cursor) });
    fc.assert(
      fc.property(nearly(page), (text) => expectTotal(parsePage, text, encode)),
      RUNS,
    );
  });
});

test("parseCommit, parseCommitHead, parseRecords: never throw for a text", () => {
  const encode = (value: unknown) => JSON.stringify(value);
  fc.assert(
    fc.property(nearly(commit), nearly([record(1), record(2)]), (one, list) => {
      for (const parse of [parseCommit, parseCommitHead]) expectTotal((text) => parse(jsonOr(text)), one, encode);
      expectTotal((text) => parseRecords(jsonOr(text)), list, encode);
    }),
    RUNS,
  );
});

test("parseCommit, parseCommitHead, parseRecords: never throw for values outside of JSON", () => {
  const odd = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
  });
  fc.assert(
    fc.property(odd, (value) => {
      for (const parse of [parseCommit, parseCommitHead, parseRecords])
        expect(typeof parse({ ...commit, meta: value, commands: [{ ...command, input: value }], id: value }).ok).toBe(
          "boolean",
        );
      expectUntouched();
    }),
    RUNS,
  );
});

test("decodeCursor, parseStream, readCursor: never throw another error", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "1-a",
      "0-a",
      "9007199254740993-a",
      "1e3-a",
      "01-a",
      "1-",
      "task/t1",
      "task/..",
      "task/__proto__",
      "__proto__/x",
      `${"a".repeat(100_000)}/x`,
      `1-${"a".repeat(100_000)}`,
    ),
    fc.stringMatching(/^[0-9]{1,20}-[A-Za-z0-9_]{0,70}$/),
    fc.stringMatching(/^[a-z/.-]{0,20}$/),
  );
  fc.assert(
    fc.property(text, (given) => {
      const cursor = decodeCursor(given);
      if (cursor) expect(encodeCursor(cursor)).toBe(given);
      const stream = parseStream(given);
      if (stream.ok) expect(`${stream.value.type}/${stream.value.id}`).toBe(given);
      expect(given.startsWith(aggregateOf(given))).toBe(true);
      try {
        readCursor(given);
      } catch (error) {
        expect(error).toMatchObject({ code: "bad-request" });
      }
      expectUntouched();
    }),
    { numRuns: 1_500 },
  );
});

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

// The messages between nodes about presence, and messages of other releases.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Json, parseOwnJson } from "../../../../src/core/values/json.ts";
import {
  deviceKey,
  entryJson,
  messageJson,
  type NodeEntry,
  readNodeMessage,
} from "../../../../src/sync-server/live/node-message.ts";

const json = fc.jsonValue().map((value) => parseOwnJson<Json>(JSON.stringify(value)));
const plain = { noNullPrototype: true };
const entry: fc.Arbitrary<NodeEntry> = fc.oneof(
  fc.record({ client: fc.string(), actor: fc.string() }, plain),
  fc.record({ client: fc.string(), actor: fc.string(), data: json }, plain),
);

test("readNodeMessage: reads each message as it was sent", () => {
  fc.assert(
    fc.property(fc.array(entry), fc.boolean(), fc.boolean(), (entries, asks, ends) => {
      const text = JSON.stringify(messageJson(entries.map(entryJson), { asks, ends }));
      expect(readNodeMessage(parseOwnJson<Json>(text))).toStrictEqual({ entries, asks, ends });
    }),
  );
  expect(messageJson([])).toStrictEqual({ entries: [] });
});

test("readNodeMessage: drops what it does not understand, and keeps the other entries", () => {
  const nothing = { entries: [], asks: false, ends: false };
  for (const message of [null, 1, "entries", true, [], {}, { entries: 1 }, { entries: "ab" }, { asks: 1, ends: "yes" }])
    expect(readNodeMessage(message), JSON.stringify(message)).toEqual(nothing);
  const entries: Json[] = [
    null,
    1,
    "ab",
    {},
    [],
    ["c"],
    ["c", 1],
    [1, "ada"],
    ["c", "ada"],
    ["d", "bob", null, "later"],
  ];
  expect(readNodeMessage({ entries, asks: true, more: 1 })).toStrictEqual({
    entries: [
      { client: "c", actor: "ada" },
      { client: "d", actor: "bob", data: null },
    ],
    asks: true,
    ends: false,
  });
});

test("readNodeMessage: never throws, whatever another release sends", () => {
  fc.assert(fc.property(json, (message) => void readNodeMessage(message)));
});

test("deviceKey: distinguishes the devices of actors", () => {
  const keys = [
    deviceKey({ client: "a", actor: "b" }),
    deviceKey({ client: "b", actor: "a" }),
    deviceKey({ client: "a", actor: "c" }),
  ];
  expect(new Set(keys).size).toBe(3);
});

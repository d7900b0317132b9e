/** The lines of a log: their states and their order. */
import type { DomainEvent } from "dacapo";
import { expect, test } from "vitest";
import { card } from "../../../demo/board/domain/card.ts";
import {
  inOrder,
  lineOf,
  type Lines,
  shortStream,
  withHistory,
  withRefusals,
} from "../../../demo/board/event-log/lines.ts";

const HERE = { client: "device-1", from: 10 };

function event(id: string, position: number | null, client = "device-1"): DomainEvent & { readonly pending: boolean } {
  return {
    id,
    type: "CardAdded",
    data: {},
    aggregate: "card",
    stream: "card/c1",
    version: 1,
    position,
    time: 0,
    actor: "ada",
    client,
    meta: null,
    correlation: id,
    pending: position === null,
  };
}

const states = (lines: Lines) => Object.fromEntries([...lines.values()].map(({ id, state }) => [id, state]));
const read = (lines: Lines, ...events: Parameters<typeof withHistory>[2]) =>
  withHistory(lines, "card/c1", events, HERE);

test("log lines: a pending event is confirmed in its own line once the server ordered it", () => {
  const pending = read(new Map(), event("a:0", null));
  expect(states(pending)).toEqual({ "a:0": "pending" });
  expect(states(read(pending, event("a:0", 3)))).toEqual({ "a:0": "confirmed" });
});

test("log lines: an event of another device has arrived, and events from before have no line", () => {
  expect(states(read(new Map(), event("a:0", 10), event("b:0", 11, "device-2")))).toEqual({ "b:0": "arrived" });
});

test("log lines: a pending event that left the history of its stream leaves the lines", () => {
  const before = read(
    new Map([["x:0", { ...lineOf(event("x:0", null), "pending"), stream: "card/c2" }]]),
    event("a:0", null),
  );
  expect(states(read(before))).toEqual({ "x:0": "pending" });
});

test("log lines: a refused commit has a line a command, and the reason is at the refused one", () => {
  const commands = [card.command.rename("c1", { title: "Buy rosin" }), card.command.complete("c1")];
  const refusal = { commit: "a", commands, code: "no", message: "No", command: 1 };
  const of = { actor: "ada", after: 12, reason: () => "Because" };
  const lines = withRefusals(new Map(), [refusal], of);
  expect([...lines.values()].map(({ type, data, state }) => [type, data, state])).toEqual([
    ["rename", { title: "Buy rosin" }, "refused"],
    ["complete", "Because", "refused"],
  ]);
  // It keeps its place when the log grows.
  expect(withRefusals(lines, [refusal], { ...of, after: 20 })).toEqual(lines);
});

test("log lines: pending ones are first, then by position, and the oldest of many are left out", () => {
  const refused = withRefusals(
    new Map(),
    [
      {
        commit: "r",
        commands: [card.command.complete("c1")],
        code: "",
        message: "",
        command: 0,
      },
    ],
    { actor: "ada", after: 11, reason: () => "" },
  );
  const lines = read(refused, event("b:0", 12), event("a:0", 11), event("p:0", null));
  expect(inOrder(lines.values()).map(({ id }) => id)).toEqual(["p:0", "b:0", "r refused 0", "a:0"]);
  const many = Array.from({ length: 300 }, (_, n) => lineOf(event(`e${n}:0`, n + 1), "confirmed"));
  expect(inOrder(many).map(({ position }) => position)).toEqual(Array.from({ length: 200 }, (_, n) => 300 - n));
});

test("shortStream: keeps short ids, and of a long id only its end", () => {
  expect(shortStream("card/strings")).toBe("card/strings");
  expect(shortStream("card/01a22abc-4991-752e-8f2d-1234567890ab")).toBe("card/…567890ab");
});

// The verbs of a process: which calls are refused, so that their event is parked and no command is lost.
import { expect, test } from "vitest";
import { processManager } from "../../../../src/sync-server/app.ts";
import type { ProcessVerbs } from "../../../../src/sync-server/processes/process-manager.ts";
import { CollectedOutbox } from "../../../../src/sync-server/processes/verbs.ts";
import { order } from "../../../support/orders-domain.ts";

const source = { id: "event", at: 1_000, causedBy: { id: "event", correlation: "commit" } };
const command = order.command.place("o1", { amount: 5 });
const refused = expect.objectContaining({ code: "invalid" }) as Error;

test.each([
  ["NaN", NaN],
  ["no end", Infinity],
  ["a date that is none", new Date(NaN)],
  ["more than a date can show", 8.64e15],
  ["a number with an exponent", 1e300],
])("later: a time of %s is refused", (_, after) => {
  const { later } = new CollectedOutbox([]).verbs(source);
  expect(() => later("late", after, command)).toThrow(refused);
});

test("later: the last date that JavaScript can show is a time, and 0 is due at once", () => {
  const outbox = new CollectedOutbox([]);
  const { later } = outbox.verbs(source);
  later("never", new Date(8.64e15), command);
  later("now", 0, command);
  expect(outbox.checked("o1").map(({ due }) => due)).toEqual([1_000, 8.64e15]);
});

test.each<[string, (verbs: ProcessVerbs) => void]>([
  ["run", ({ run }) => run(command)],
  ["later", ({ later }) => later("late", 5, command)],
  ["drop", ({ drop }) => drop("late")],
])("%s: a call after the handler returned is refused, because its command would be lost", (_, call) => {
  const outbox = new CollectedOutbox([]);
  const verbs = outbox.verbs(source);
  call(verbs);
  outbox.checked("o1");
  expect(() => call(verbs)).toThrow(refused);
});

test("run: a value that is no command is refused", () => {
  const { run } = new CollectedOutbox([]).verbs(source);
  expect(() => run(JSON.parse("null") as typeof command)).toThrow(refused);
});

test("processManager: an async handler is refused, because its row would be a promise", async () => {
  const { process } = processManager("async", {
    version: 1,
    from: [order],
    start: "beginning",
    initial: null as unknown,
    on: { OrderPlaced: () => Promise.reject(new Error("later")) },
    onRejected: () => Promise.reject(new Error("later")) as unknown as void,
  });
  const event = { type: "OrderPlaced" } as Parameters<typeof process.react>[1];
  const verbs = new CollectedOutbox([]).verbs(source);
  const definition = expect.objectContaining({ code: "definition" }) as Error;
  expect(() => process.react(null, event, verbs)).toThrow(definition);
  const rejection = { key: "o1", row: null, code: "sold-out", message: "", commands: [], timer: null };
  expect(() => process.onRejected(rejection, verbs)).toThrow(definition);
  // An unhandled rejection would end the server here.
  await new Promise((resolve) => setTimeout(resolve, 0));
});

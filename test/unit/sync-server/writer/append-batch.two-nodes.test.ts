// Nodes that write one log in turn: what they read of the store, and what they know after a loss.
import { expect, test } from "vitest";
import type { Cursor } from "../../../../src/core/history/record.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { task } from "../../../support/board-domain.ts";
import { type Person, person, type Seen, testServer } from "../../../support/sync-requests.ts";

const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });
const note = (id: string, seen: number) => ({ ...task.command.note(id, { text: "hm" }), seen });

/** Counts the calls that read, and the events that they return. */
function counted(store: EventStore) {
  const calls: string[] = [];
  let events = 0;
  return {
    calls,
    events: () => events,
    store: new Proxy(store, {
      get: (target, name: keyof EventStore) => {
        const member = target[name];
        if (typeof member !== "function") return member;
        return async (...given: never[]) => {
          const result = await (member as (...given: never[]) => unknown).apply(target, given);
          if (name !== "append") calls.push(name);
          if (name === "read" || name === "readStream") events += eventsIn(result as Awaited<ReturnType<Read>>);
          return result;
        };
      },
    }),
  };
}
type Read = EventStore["read"] | EventStore["readStream"];

function eventsIn(result: Awaited<ReturnType<Read>>): number {
  const records = "kind" in result ? (result.kind === "page" ? result.records : []) : result;
  return records.reduce((sum, { position, cursor }) => sum + cursor.position - position + 1, 0);
}

/** A person who continues from the last answer, as a device does. */
function device(node: Person) {
  let after: Cursor | null = null;
  return async (...commands: readonly Seen[]) => {
    const { outcomes, cursor } = await node.push([node.commit(...commands)], after);
    after = cursor;
    return outcomes;
  };
}

test("appendBatch: two nodes that write one log in turn read only each other's new records", async () => {
  const store = memory();
  const [here, there] = [counted(store), counted(store)];
  const ada = device(person(testServer({ store: here.store }), "ada"));
  const bob = device(person(testServer({ store: there.store }), "bob"));
  await ada(add("a"), add("long"));
  for (let n = 0; n < 20; n++) await ada(...Array.from({ length: 20 }, () => note("long", 1)));
  let version = 401;
  await bob(add("b"), note("long", version++));
  await ada(note("a", 1), note("long", version++));
  for (let n = 0; n < 20; n++) {
    for (const [push, stream, { calls, events }] of [
      [bob, "b", there],
      [ada, "a", here],
    ] as const) {
      const before = events();
      calls.length = 0;
      expect(await push(note(stream, 1), note("long", version++))).toMatchObject([{ outcome: "recorded" }]);
      expect({ calls, events: events() - before }, `${stream} ${n}`).toEqual({ calls: ["read"], events: 2 });
    }
  }
});

test("appendBatch: a node reads all again if the log lost the end that the node knows", async () => {
  const logs = [memory(), memory()] as const;
  let current: EventStore = logs[0];
  const store = new Proxy<EventStore>(logs[0], {
    get: (_, name: keyof EventStore) => {
      const member = current[name];
      return typeof member === "function" ? member.bind(current) : member;
    },
  });
  const ada = person(testServer({ store }), "ada");
  await ada.push([ada.commit(add("t1"))]);
  current = logs[1];
  const bob = person(testServer({ store: logs[1] }), "bob");
  await bob.push([bob.commit(add("t2"), add("t3"))]);
  expect(await ada.outcomes(ada.commit(add("t1")), ada.commit(add("t2")))).toMatchObject([
    { outcome: "recorded", at: { position: 3 } },
    { outcome: "rejected", code: "already-added" },
  ]);
});

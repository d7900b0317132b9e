// A log that is restored in the middle of a replay: the caller gets an error, and not a part of the events.
import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { storedRecord } from "../../../../src/sync-server/stores/stored-record.ts";
import { batch } from "../../../../src/testing/event-store/samples.ts";
import { board, columnCounts } from "../../../support/board-domain.ts";
import { taskAdded } from "../../../support/filled-log.ts";
import { containing } from "../../../support/matchers.ts";
import { testServer } from "../../../support/sync-requests.ts";

const EVENTS = 1_100;

/** Puts another log in the place of `board`, as a restore does. */
type Restore = (store: EventStore) => Promise<void>;

async function fill(store: EventStore, log: string, events: number, mark = "m"): Promise<void> {
  const records = Array.from({ length: events }, (_, n) =>
    storedRecord({ ...taskAdded(n + 1), mark: `${mark}${n + 1}` }),
  );
  await store.append(log, batch(null, { records }));
}

const restored: readonly { readonly what: string; readonly restore: Restore; readonly code: string }[] = [
  {
    what: "that has other records",
    code: "diverged",
    restore: async (store) => {
      await store.rename("board", "lost");
      await fill(store, "board", EVENTS, "other");
    },
  },
  {
    what: "that ends where a page ended",
    code: "diverged",
    restore: async (store) => {
      await store.rename("board", "lost");
      await fill(store, "board", 500);
    },
  },
  {
    what: "that has no record",
    code: "diverged",
    restore: async (store) => void (await store.rename("board", "lost")),
  },
  { what: "that was deleted", code: "gone", restore: (store) => store.drop("board") },
];

/** A server whose log changes after its first page was read. */
async function changing(restore: Restore) {
  const store = memory();
  await fill(store, "board", EVENTS);
  const read = store.read.bind(store);
  let isChanged = false;
  const readChanging: EventStore["read"] = async (log, after, limit) => {
    if (after !== null && !isChanged) {
      isChanged = true;
      await restore(store);
    }
    return read(log, after, limit);
  };
  Object.assign(store, { read: readChanging });
  return testServer({ store, models: [board, columnCounts], liveTicks: false });
}

test.each(restored)("replay: a log $what meanwhile is an error, not fewer events", async ({ restore, code }) => {
  const server = await changing(restore);
  let events = 0;
  await expect(server.log("board").models.replay({ into: () => void events++ })).rejects.toMatchObject({ code });
  expect(events).toBe(500);
  await server.close();
});

test.each(restored)("replayIntoScratch: a log $what meanwhile is an error", async ({ restore, code }) => {
  const server = await changing(restore);
  await expect(server.log("board").models.replayIntoScratch(board)).rejects.toMatchObject({ code });
  await server.close();
});

test("replay: a log that grows meanwhile is read up to the head of the call", async () => {
  const server = await changing(async (store) => {
    const records = [storedRecord(taskAdded(EVENTS + 1))];
    await store.append("board", batch({ position: EVENTS, mark: `m${EVENTS}` }, { records }));
  });
  expect(await server.log("board").models.replay({ into: () => {} })).toBe(EVENTS);
  await server.close();
});

test.each(["now", "beginning"] as const)(
  "subscribe: a restored log ends a subscription from %s, and the error says so",
  async (from) => {
    const store = memory();
    await fill(store, "board", 10);
    const server = testServer({ store, liveTicks: false });
    const log = server.log("board");
    const events = log.subscribe({ from })[Symbol.asyncIterator]();
    for (let left = from === "now" ? 0 : 10; left > 0; left--) await events.next();
    const next = events.next();
    await setImmediate();
    await store.rename("board", "lost");
    await fill(store, "board", 20, "other");
    server.poke("board");
    const error: unknown = await next.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "diverged",
      retry: "later",
      message: "The log board was restored or replaced while it was read",
      fix: containing("Subscribe again"),
      details: { log: "board", at: "10-m10" },
    });
    await server.close();
  },
);

test("subscribe: a cursor of another history blames the option `from`", async () => {
  const store = memory();
  await fill(store, "board", 10);
  const server = testServer({ store, liveTicks: false });
  const next = (cursor: string) => server.log("board").subscribe({ from: { cursor } })[Symbol.asyncIterator]().next();
  await expect(next("5-other")).rejects.toMatchObject({
    code: "diverged",
    message: "The log board does not contain the cursor `from`",
  });
  expect(await next("5-m5")).toMatchObject({ value: { event: { position: 6 } } });
  await server.close();
});

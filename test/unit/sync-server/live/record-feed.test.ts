// The feed of one log: appends of this node, reads of what other nodes appended, and their order.
import { expect, test, vi } from "vitest";
import { type Cursor, positionOf } from "../../../../src/core/history/record.ts";
import { SERVER_LIMITS } from "../../../../src/sync-server/base/limits.ts";
import { RecordFeed } from "../../../../src/sync-server/live/record-feed.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import type { Appended } from "../../../../src/sync-server/writer/admit-push.ts";
import { appendedAfter, appendTo, fakeClock, settled } from "../../../support/live-scene.ts";

/** A feed over a memory store, with the calls that its readers get. */
function feedOf({ pageEventsMax = 100, hasReaders = true } = {}) {
  const { clock, env } = fakeClock();
  const store = memory();
  const [read, head] = [vi.spyOn(store, "read"), vi.spyOn(store, "head")];
  const calls: string[] = [];
  const seen: Appended[] = [];
  const errors: unknown[] = [];
  const facts = { hasReaders };
  const text = ({ after, records }: Appended) =>
    `${positionOf(after)}: ${records.map(({ position }) => position).join()}`;
  const feed = new RecordFeed(
    {
      log: "board",
      store,
      env,
      limits: { ...SERVER_LIMITS, pageEventsMax, frameBytesMax: 5_000 },
      report: (error) => errors.push(error),
      onRead: (log, appended) => (seen.push(appended), calls.push(`read ${log} ${text(appended)}`)),
    },
    {
      exist: () => facts.hasReaders,
      deliver: (appended) => calls.push(`deliver ${text(appended)}`),
      catchUp: (at) => calls.push(`catch up ${positionOf(at)}`),
      disconnect: (code) => calls.push(`disconnect ${code}`),
    },
  );
  const drain = (): readonly string[] => calls.splice(0);
  return {
    feed,
    store,
    clock,
    drain,
    seen,
    errors,
    facts,
    reads: () => [head.mock.calls.length, read.mock.calls.length],
    read,
  };
}

/** Publishes an append of one record after a cursor. */
function publish(feed: RecordFeed, after: Cursor | null): Cursor | null {
  const appended = appendedAfter(after, 1);
  feed.publish(appended);
  return appended.head;
}

test("RecordFeed: delivers the first append at once, and those within 50 ms of it together", async () => {
  const { feed, clock, drain, reads } = feedOf();
  let head = publish(feed, null);
  expect(drain()).toEqual(["deliver 0: 1"]);
  head = publish(feed, head);
  await clock.advance(49);
  head = publish(feed, head);
  expect([drain(), feed.head]).toEqual([[], head]);
  await clock.advance(1);
  expect(drain()).toEqual(["deliver 1: 2,3"]);
  head = publish(feed, head);
  await clock.advance(50);
  expect(drain()).toEqual(["deliver 3: 4"]);
  // Nothing came in the last 50 ms, so no timer runs and the next append goes out at once.
  await clock.advance(50);
  expect(clock.timers()).toEqual([]);
  publish(feed, head);
  expect([drain(), reads()]).toEqual([["deliver 4: 5"], [0, 0]]);
});

test("RecordFeed: an append that does not follow the head makes it read the store, in order", async () => {
  const { feed, store, drain, seen } = feedOf();
  const first = await appendTo(store, 1);
  feed.publish(first);
  const theirs = await appendTo(store, 2);
  const own = await appendTo(store, 1);
  feed.publish(own);
  await settled();
  expect(drain()).toEqual(["deliver 0: 1", "read board 1: 2,3,4", "deliver 1: 2,3,4", "catch up 4"]);
  expect(seen[0]?.records).toEqual([...theirs.records, ...own.records]);
  expect(feed.head).toEqual(own.head);
});

test("RecordFeed: held appends go out before a read, and not again after it", async () => {
  const { feed, store, clock, drain } = feedOf();
  feed.publish(await appendTo(store, 1));
  feed.publish(await appendTo(store, 1));
  await appendTo(store, 1);
  await feed.poll();
  expect(drain()).toEqual(["deliver 0: 1", "deliver 1: 2", "read board 2: 3", "deliver 2: 3", "catch up 3"]);
  await clock.advance(200);
  expect(drain()).toEqual([]);
});

test("RecordFeed: the first read finds the head alone, and readers read for themselves", async () => {
  const { feed, store, drain, reads } = feedOf();
  await feed.poll();
  expect([drain(), feed.head, reads()]).toEqual([["catch up 0"], null, [1, 0]]);
  const filled = feedOf();
  const { head } = await appendTo(filled.store, 3);
  await filled.feed.poll();
  expect([filled.drain(), filled.feed.head]).toEqual([["catch up 3"], head]);
  await filled.feed.poll();
  expect([filled.drain(), filled.reads()]).toEqual([["catch up 3"], [2, 1]]);
  await appendTo(store, 1);
  await feed.poll();
  expect(drain()).toEqual(["read board 0: 1", "deliver 0: 1", "catch up 1"]);
});

test("RecordFeed: one poll reads page after page until the head, and no further", async () => {
  const { feed, store, drain, read } = feedOf({ pageEventsMax: 2 });
  await feed.poll();
  await appendTo(store, 5);
  drain();
  await feed.poll();
  expect(drain().filter((call) => call.startsWith("deliver"))).toEqual([
    "deliver 0: 1,2",
    "deliver 2: 3,4",
    "deliver 4: 5",
  ]);
  expect(read.mock.calls.map(([, after, limit]) => [positionOf(after), limit])).toEqual(
    [0, 2, 4].map((position) => [position, { events: 2, bytes: 5_000 }]),
  );
});

test("RecordFeed: polls and appends during a read cost one more read, which has them all", async () => {
  const { feed, store, drain, read } = feedOf();
  const { head } = await appendTo(store, 1);
  await feed.poll();
  const page = await store.read("board", head, { events: 1, bytes: 1 });
  read.mockClear();
  let release = (): void => {};
  read.mockImplementationOnce(() => new Promise((resolve) => (release = () => resolve(page))));
  drain();
  const polling = feed.poll();
  feed.publish(await appendTo(store, 1));
  feed.publish(await appendTo(store, 1));
  await Promise.all([feed.poll(), feed.poll()]);
  expect([drain(), read.mock.calls.length]).toEqual([[], 1]);
  release();
  await polling;
  expect(drain().filter((call) => call.startsWith("deliver"))).toEqual(["deliver 1: 2,3"]);
  expect([feed.head, read.mock.calls.length]).toEqual([{ position: 3, mark: "m3" }, 2]);
  // The feed is at rest again.
  publish(feed, feed.head);
  expect(drain()).toEqual(["deliver 3: 4"]);
});

test("RecordFeed: without readers nothing is read, and readers later get the records", async () => {
  const { feed, store, drain, facts, reads } = feedOf({ hasReaders: false });
  await feed.poll();
  expect([drain(), reads()]).toEqual([[], [1, 0].map(() => 0)]);
  facts.hasReaders = true;
  await appendTo(store, 1);
  await feed.poll();
  expect(drain()).toEqual(["catch up 1"]);
});

test("RecordFeed: readers of a dropped log are disconnected, known or unknown to the feed", async () => {
  for (const isKnown of [false, true]) {
    const { feed, store, drain } = feedOf();
    await appendTo(store, 1);
    if (isKnown) await feed.poll();
    drain();
    await store.drop("board");
    await feed.poll();
    expect(drain()).toEqual(["disconnect gone"]);
  }
});

test("RecordFeed: if the log lost the feed's head, each reader reads by its own cursor", async () => {
  const { feed, store, drain } = feedOf();
  publish(feed, { position: 8, mark: "of another history" });
  await appendTo(store, 2);
  drain();
  await feed.poll();
  expect([drain(), feed.head]).toEqual([["catch up 2"], { position: 2, mark: "m2" }]);
});

test("RecordFeed: a read that fails is reported, and the next one delivers the same records", async () => {
  const { feed, store, drain, errors, read } = feedOf();
  await feed.poll();
  await appendTo(store, 2);
  drain();
  const failure = new Error("the disk is slow");
  read.mockRejectedValueOnce(failure);
  await feed.poll();
  expect([drain(), errors]).toEqual([[], [failure]]);
  await feed.poll();
  expect(drain()).toEqual(["read board 0: 1,2", "deliver 0: 1,2", "catch up 2"]);
});

test("RecordFeed: takes a head that one reader found only if it knows none", () => {
  const { feed, drain } = feedOf();
  expect(feed.head).toBeNull();
  feed.assumeHead({ position: 3, mark: "m3" });
  feed.assumeHead({ position: 5, mark: "m5" });
  expect(feed.head).toEqual({ position: 3, mark: "m3" });
  publish(feed, { position: 3, mark: "m3" });
  expect(drain()).toEqual(["deliver 3: 4"]);
  const empty = feedOf().feed;
  empty.assumeHead(null);
  empty.assumeHead({ position: 3, mark: "m3" });
  expect(empty.head).toBeNull();
});

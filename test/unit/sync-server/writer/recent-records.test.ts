// The last records of a log, kept for readers who are nearly up to date.
import { expect, test } from "vitest";
import type { Cursor } from "../../../../src/core/history/record.ts";
import { createRecentRecords } from "../../../../src/sync-server/writer/recent-records.ts";
import type { Appended } from "../../../../src/sync-server/writer/admit-push.ts";
import { task } from "../../../support/board-domain.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { person, testServer } from "../../../support/sync-requests.ts";

const at = (position: number): Cursor | null => (position === 0 ? null : { position, mark: `m${position}` });
/** Records of one event each, after position `from`. */
const appended = (from: number, count: number, text = "x"): Appended => ({
  after: at(from),
  records: Array.from({ length: count }, (_, n) => ({
    position: from + n + 1,
    cursor: { position: from + n + 1, mark: `m${from + n + 1}` },
    commit: "",
    actor: "",
    streams: [],
    text,
  })),
  head: at(from + count),
});

test("RecentRecords: returns the records between two known cursors, and null otherwise", () => {
  const recent = createRecentRecords();
  recent.add("board", appended(3, 2));
  recent.add("board", appended(5, 1));
  const between = (after: Cursor | null, head: Cursor | null) =>
    recent.between("board", after, head)?.map(({ position }) => position) ?? null;
  expect(between(at(3), at(6))).toEqual([4, 5, 6]);
  expect(between(at(5), at(6))).toEqual([6]);
  expect(between(at(4), at(5))).toEqual([5]);
  expect(between(at(6), at(6))).toEqual([]);
  for (const [after, head] of [
    [at(2), at(6)],
    [at(6), at(5)],
    [at(4), at(7)],
    [at(3), at(7)],
    [{ position: 4, mark: "other" }, at(6)],
    [at(4), { position: 6, mark: "other" }],
    [null, at(6)],
  ] as const) {
    expect(between(after, head), JSON.stringify([after, head])).toBeNull();
  }
  // Another node appended in between, so the kept records do not join.
  recent.add("board", appended(8, 1));
  expect([between(at(5), at(9)), between(at(8), at(9))]).toEqual([null, [9]]);
  expect(recent.between("other", at(8), at(9))).toBeNull();
});

test("RecentRecords: records that a reader followed join, and repeated ones change nothing", () => {
  const recent = createRecentRecords();
  recent.follow("board", appended(0, 3));
  expect(recent.end("board")).toBeNull();
  recent.add("board", appended(3, 2));
  recent.follow("board", appended(5, 2));
  // The reader was faster than the writer whose append it read, and an older read is late.
  recent.add("board", appended(5, 1));
  recent.follow("board", appended(4, 1));
  expect(recent.end("board")).toEqual(at(7));
  expect(recent.between("board", at(3), at(7))?.map(({ position }) => position)).toEqual([4, 5, 6, 7]);
  // After a restore of the store, the same positions have other marks.
  recent.add("board", { after: at(4), records: [], head: { position: 5, mark: "other" } });
  expect(recent.end("board")).toEqual({ position: 5, mark: "other" });
});

test("RecentRecords: is bounded in records, in characters of a log and of all logs", () => {
  const recent = createRecentRecords();
  recent.add("many", appended(0, 5_000));
  expect(recent.between("many", at(4_000), at(5_000))).toHaveLength(1_000);
  expect(recent.between("many", at(2_000), at(5_000))).toBeNull();
  recent.add("large", appended(0, 30, "x".repeat(100_000)));
  expect(recent.between("large", at(26), at(30))).toHaveLength(4);
  expect(recent.between("large", at(20), at(30))).toBeNull();
  for (let log = 0; log < 100; log++) recent.add(`log-${log}`, appended(0, 9, "x".repeat(100_000)));
  expect(recent.between("many", at(5_000), at(5_000))).toBeNull();
  expect(recent.between("log-99", at(0), at(9))).toHaveLength(9);
});

test("RecentRecords: keeps exactly its bounds, and half of them after a cut", () => {
  const recent = createRecentRecords();
  recent.add("many", appended(0, 2_000));
  expect(recent.between("many", at(0), at(2_000))).toHaveLength(2_000);
  recent.add("many", appended(2_000, 1));
  expect(recent.between("many", at(1_001), at(2_001))).toHaveLength(1_000);
  expect(recent.between("many", at(1_000), at(2_001))).toBeNull();
  const large = "x".repeat(100_000);
  recent.add("large", appended(0, 10, large));
  expect(recent.between("large", at(0), at(10))).toHaveLength(10);
  recent.add("large", appended(10, 1, large));
  expect(recent.between("large", at(6), at(11))).toHaveLength(5);
  expect(recent.between("large", at(5), at(11))).toBeNull();
});

test("RecentRecords: above 32 million characters it forgets the log that was idle for longest", () => {
  const recent = createRecentRecords();
  const logs = Array.from({ length: 32 }, (_, n) => `log-${n}`);
  const known = () => logs.filter((log) => recent.end(log) !== null);
  for (const log of logs) recent.add(log, appended(0, 9, "x".repeat(100_000)));
  // Many small appends to two logs count each character once.
  for (let n = 9; n < 60; n++) {
    recent.add("log-0", appended(n, 1, "y"));
    recent.follow("log-1", appended(n, 1, "y"));
  }
  const rest = 32_000_000 - logs.length * 900_000 - 2 * 51;
  for (const filler of ["one", "two", "three"]) recent.add(filler, appended(0, 1, "z".repeat(900_000)));
  recent.add("last", appended(0, 1, "z".repeat(rest - 2_700_000)));
  expect(known()).toEqual(logs);
  recent.follow("last", appended(1, 1, "z"));
  expect(known()).toEqual(logs.filter((log) => log !== "log-2"));
  expect(recent.between("log-0", at(58), at(60))).toHaveLength(2);
});

test("RecentRecords: knows the ends of more records than it keeps, at the same head only", () => {
  const recent = createRecentRecords();
  recent.add("board", appended(0, 30, "x".repeat(100_000)));
  const head = at(30);
  expect(recent.between("board", at(5), head)).toBeNull();
  const hasEnd = (log: string, position: number, mark: string, end = head) =>
    recent.hasEnd(log, { position, mark }, end);
  expect(hasEnd("board", 5, "m5")).toBe(true);
  expect(hasEnd("board", 5, "other")).toBe(false);
  expect(hasEnd("board", 31, "m31")).toBe(false);
  expect(hasEnd("board", 5, "m5", at(29))).toBe(false);
  expect(hasEnd("board", 5, "m5", { position: 30, mark: "other" })).toBe(false);
  expect(hasEnd("other", 5, "m5")).toBe(false);
  // Another node appended in between, so nothing shows that the older ends are still in this history.
  recent.add("board", appended(40, 1));
  expect([hasEnd("board", 5, "m5", at(41)), hasEnd("board", 41, "m41", at(41))]).toEqual([false, true]);
  recent.add("board", appended(41, 5_000));
  expect([hasEnd("board", 3_041, "m3041", at(5_041)), hasEnd("board", 3_042, "m3042", at(5_041))]).toEqual([
    false,
    true,
  ]);
});

test("RecentRecords: devices that push repeatedly get their pages without a read of the store", async () => {
  const store = memory();
  let reads = 0;
  const read = store.read.bind(store);
  store.read = (...facts) => (reads++, read(...facts));
  const server = testServer({ store });
  const people = [person(server, "ada"), person(server, "bob")];
  const cursors: (Cursor | null)[] = [null, null];
  const got: number[][] = [[], []];
  for (let n = 0; n < 40; n++) {
    const who = n % 3 === 0 ? 0 : 1;
    const answer = await people[who]?.push(
      [people[who]?.commit(task.command.add(`t${n}`, { title: "Milk", column: "todo" }))],
      cursors[who] ?? null,
    );
    cursors[who] = answer?.cursor ?? null;
    got[who]?.push(...(answer?.records.map(({ position }) => position) ?? []));
  }
  expect(got[1]).toEqual(Array.from({ length: got[1]?.length ?? 0 }, (_, n) => n + 1));
  expect(got[1]?.length).toBe(39);
  expect(reads).toBe(0);
});

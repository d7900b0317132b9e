// Writes that wait together share one commit. The failure of one write stays with it.
import { expect, test } from "vitest";
import { SharedCommits } from "../../../../../src/sync-server/stores/sqlite/shared-commits.ts";
import type { Sql } from "../../../../../src/sync-server/stores/sqlite/sql.ts";

/** A database of one list, with transactions, that counts what it commits. */
function listDatabase({ shares = true, failCommit = false } = {}) {
  let rows: readonly string[] = [];
  let commits = 0;
  const sql: Sql = {
    rows: () => [],
    first: () => undefined,
    run: (row) => void (rows = [...rows, row]),
    savepoint: (work) => work(),
    transaction(_, work) {
      const before = rows;
      try {
        const result = work();
        if (failCommit) throw new Error("the disk");
        commits++;
        return result;
      } catch (error) {
        rows = before;
        throw error;
      }
    },
    ...(shares && { soon: (run: () => void) => void setImmediate(run) }),
    close: () => {},
  };
  return { sql, rows: () => rows, commits: () => commits };
}

test("SharedCommits: writes that wait together share one transaction, each with its result", async () => {
  const { sql, rows, commits } = listDatabase();
  const shared = new SharedCommits(sql, () => true);
  const answers = await Promise.all(
    ["a", "b", "c"].map((row) => shared.write(() => (sql.run(row), `${row} is there`))),
  );
  expect([answers, rows(), commits()]).toEqual([["a is there", "b is there", "c is there"], ["a", "b", "c"], 1]);
});

test("SharedCommits: a failed write leaves nothing behind, and the other writes succeed", async () => {
  const { sql, rows, commits } = listDatabase();
  const shared = new SharedCommits(sql, () => false);
  const failing = () => {
    sql.run("half");
    throw new Error("refused");
  };
  const ended = await Promise.allSettled([
    shared.write(() => sql.run("a")),
    shared.write(failing),
    shared.write(() => sql.run("b")),
  ]);
  expect(ended.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect([rows(), commits()]).toEqual([["a", "b"], 2]);
});

test("SharedCommits: if the commit itself fails, all writes fail and none is tried again", async () => {
  const { sql, rows } = listDatabase({ failCommit: true });
  let runs = 0;
  const shared = new SharedCommits(sql, () => true);
  const ended = await Promise.allSettled([1, 2].map(() => shared.write(() => runs++)));
  expect([ended.map(({ status }) => status), runs, rows()]).toEqual([["rejected", "rejected"], 2, []]);
});

test("SharedCommits: without `soon`, each write commits at once and alone", async () => {
  const { sql, rows, commits } = listDatabase({ shares: false });
  const shared = new SharedCommits(sql, () => true);
  const first = shared.write(() => sql.run("a"));
  const second = shared.write(() => sql.run("b"));
  expect([rows(), commits()]).toEqual([["a", "b"], 2]);
  await Promise.all([first, second]);
});

test("SharedCommits: if another process holds the lock, all writes fail after one wait", async () => {
  const { sql } = listDatabase();
  let waits = 0;
  const busy: Sql = {
    ...sql,
    transaction() {
      waits++;
      throw new Error("database is locked");
    },
  };
  const shared = new SharedCommits(busy, () => false);
  const ended = await Promise.allSettled([1, 2, 3].map(() => shared.write(() => 0)));
  expect([ended.map(({ status }) => status), waits]).toEqual([["rejected", "rejected", "rejected"], 1]);
});

import { expect, test } from "vitest";
import { proposeCommit } from "../../../../src/core/decide/propose-commit.ts";
import { LocalLog } from "../../../../src/client/engine/local-log.ts";
import { RowCache } from "../../../../src/client/engine/row-cache.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import { board, domain, task } from "../../../support/board-domain.ts";

/** An empty log, and a function that decides one more task on it without a write. */
async function emptyLog() {
  const store = memoryLogStore(new MemoryDatabase(() => crypto.randomUUID()));
  const local = await LocalLog.load(domain.definition, store, new RowCache(), 0);
  const append = (id: string) => {
    const author = { id: crypto.randomUUID(), client: local.head.client, actor: "ada", time: 1, meta: null };
    const request = task.command.add(id, { title: id, column: "todo" });
    const proposed = proposeCommit(domain.definition, local.replica, [request], author);
    if ("defect" in proposed) throw new Error(proposed.defect.message);
    return local.appendUnwritten(proposed.commit, null, 0, proposed.decided);
  };
  const rows = () => local.replica.entries(board.name).map(({ key }) => key);
  return { local, append, rows };
}

test("LocalLog.appendUnwritten: numbers follow the tail, and do not count as written", async () => {
  const { local, append, rows } = await emptyLog();
  expect([append("t1").n, append("t2").n]).toEqual([1, 2]);
  expect(rows()).toEqual(["task/t1", "task/t2"]);
  expect([local.entries.size, local.writtenCount, local.written]).toEqual([2, 0, []]);
});

test("LocalLog.undoUnwritten: memory is as before, and written commits stay", async () => {
  const { local, append, rows } = await emptyLog();
  const first = append("t1");
  local.keepUnwritten([]);
  append("t2");
  append("t3");
  local.undoUnwritten(0);
  expect(rows()).toEqual(["task/t1"]);
  expect(local.written).toEqual([first]);
  expect([...local.entries.keys()]).toEqual([first.commit.id]);
  expect(local.head.pendingTail).toBe(1);
  expect(append("t4").n).toBe(2);
});

test("LocalLog.keepUnwritten: the tail rises, and the commits are written", async () => {
  const { local, append } = await emptyLog();
  const made = [append("t1"), append("t2")];
  local.keepUnwritten([]);
  expect(local.written).toEqual(made);
  expect(local.head.pendingTail).toBe(2);
});

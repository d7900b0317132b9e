import { afterEach, describe, expect, test } from "vitest";
import { type LogHandle, openLog } from "../../src/client/open-log.ts";
import { board, columnCounts, task } from "../support/board-domain.ts";
import { containing, matching } from "../support/matchers.ts";

const worker = () => new Worker(new URL("../support/browser/board.worker.ts", import.meta.url), { type: "module" });
const handles: LogHandle[] = [];
const open = async (log: string, user = "ada") => {
  const handle = await openLog(log, { worker, user });
  handles.push(handle);
  return handle;
};
afterEach(async () => {
  for (const handle of handles.splice(0)) await handle.close();
});
const fresh = () => `log-${crypto.randomUUID()}`;
const until = async (condition: () => boolean, what: string) => {
  for (const deadline = Date.now() + 60_000; !condition(); await new Promise((resolve) => setTimeout(resolve, 10))) {
    if (Date.now() > deadline) throw new Error(`Not in time: ${what}`);
  }
};

describe("openLog with a real worker on real IndexedDB", () => {
  test("execute: the typed row is there when it resolves", async () => {
    const log = await open(fresh());
    const rows = log.rows(board);
    await rows.ready;
    const receipt = await log.execute(task.command.add("t1", { title: "Milk", column: "todo" }));
    expect(rows.row("task/t1")?.row.title).toBe("Milk");
    expect(log.rows(columnCounts).row("todo")?.row.tasks ?? 1).toBe(1);
    expect(await log.settled(receipt)).toMatchObject({ outcome: "accepted", position: 1 });
  });

  test("execute: acknowledged commits are there after the worker was killed at once", async () => {
    const name = fresh();
    const first = new Worker(new URL("../support/browser/board.worker.ts", import.meta.url), { type: "module" });
    const log = await openLog(name, { worker: first, user: "ada" });
    for (let n = 0; n < 5; n++) await log.execute(task.command.add(`t${n}`, { title: `Task ${n}`, column: "todo" }));
    first.terminate();
    const again = await open(name);
    await again.rows(board).ready;
    expect(
      again
        .rows(board)
        .all()
        .map(({ key }) => key),
    ).toEqual(["task/t0", "task/t1", "task/t2", "task/t3", "task/t4"]);
  });

  test("execute: an invalid command rejects with path and reason, and records nothing", async () => {
    const log = await open(fresh());
    await expect(log.execute(task.command.add("t1", { title: "", column: "todo" }))).rejects.toMatchObject({
      name: "ValidationError",
      code: "invalid",
      details: { path: ["title"] },
    });
    await expect(log.execute(task.command.rename("t1", { title: "x" }))).rejects.toMatchObject({
      name: "RejectedError",
      details: { code: "no-such-task" },
    });
    expect(log.status.get()).toMatchObject({ pending: 0, position: 0 });
  });

  test("execute: two tabs with 200 commands each at the same time show the same 400 rows", async () => {
    const name = fresh();
    const [one, two] = [await open(name), await open(name)];
    const add = (log: LogHandle, of: string) =>
      Promise.all(
        Array.from({ length: 200 }, (_, n) =>
          log.execute(task.command.add(`${of}${n}`, { title: `${of} ${n}`, column: "todo" })),
        ),
      );
    await Promise.all([add(one, "a"), add(two, "b")]);
    await until(
      () => [one, two].every((log) => log.status.get().position === 400 && log.status.get().pending === 0),
      "both confirmed all",
    );
    await Promise.all([one.rows(board).ready, two.rows(board).ready]);
    expect(one.rows(board).all()).toEqual(two.rows(board).all());
    expect(one.rows(board).all()).toHaveLength(400);
  });

  test("openLog: each log and user has a database of its own", async () => {
    const name = fresh();
    const ada = await open(name, "ada");
    await ada.execute(task.command.add("t1", { title: "Milk", column: "todo" }));
    const bob = await open(name, "bob");
    await bob.rows(board).ready;
    expect(bob.rows(board).all()).toEqual([]);
  });

  test("execute: rejects with log-closed after close", async () => {
    const log = await open(fresh());
    await log.close();
    await expect(log.execute(task.command.add("t1", { title: "Milk", column: "todo" }))).rejects.toMatchObject({
      code: "log-closed",
    });
  });

  test("retry: executes changed commands instead, and removes the rejection", async () => {
    const log = await open(fresh());
    const add = (title: string) => task.command.add("t1", { title, column: "todo" });
    await log.withdraw(await log.execute(add("Milk")));
    await until(() => log.rejections.get().length === 1, "the rejection shows");
    const [rejection] = log.rejections.get();
    expect(rejection).toMatchObject({ code: "withdrawn", commands: [{ input: { title: "Milk" } }] });
    await expect(rejection?.retry(add(""))).rejects.toMatchObject({ code: "invalid" });
    expect(log.rejections.get()).toHaveLength(1);
    const rows = log.rows(board);
    await rows.ready;
    await rejection?.retry([add("Bread"), task.command.complete("t1")]);
    expect(rows.row("task/t1")?.row).toMatchObject({ title: "Bread", done: true });
    await until(() => log.rejections.get().length === 0, "the rejection is gone");
  });

  test("close: each call that waits gets its answer or log-closed", async () => {
    const log = await open(fresh());
    const receipt = await log.execute(task.command.add("t1", { title: "Milk", column: "todo" }));
    const ends = Promise.allSettled([
      log.settled(receipt),
      log.settled({ commit: crypto.randomUUID() }),
      log.undo(),
      log.history(task, "t1"),
      log.stateAt(task, "t1"),
      log.export().getReader().read(),
      log.execute(task.command.rename("t1", { title: "Bread" })),
      log.withdraw(receipt),
      log.rows(columnCounts).ready,
    ]);
    await Promise.all([log.close(), log.close()]);
    const rejected = (await ends).filter((end) => end.status === "rejected");
    expect(rejected).toMatchObject(rejected.map(() => ({ reason: { code: matching(/^(log-closed|rejected)$/) } })));
  });

  test("openLog: reports the error and the address of a worker script that throws while it starts", async () => {
    const address = URL.createObjectURL(new Blob(["throw new Error('no')"], { type: "text/javascript" }));
    const error = await openLog(fresh(), { worker: () => new Worker(address, { type: "module" }), user: "ada" }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: "storage-lost", message: containing("worker failed") });
    expect(error).toMatchObject({ message: containing("Error: no") });
    expect(error).toMatchObject({ message: containing(address) });
  });

  test("openLog: reports a worker script that does not exist, and where to find its address", async () => {
    const missing = () => new Worker(new URL("/there-is-no-such.worker.js", location.href), { type: "module" });
    await expect(openLog(fresh(), { worker: missing, user: "ada" })).rejects.toMatchObject({
      code: "storage-lost",
      message: containing("its script could not be loaded (the browser does not report its address)"),
      fix: containing("network panel"),
    });
  });
});

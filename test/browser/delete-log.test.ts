// Signing out and moving a guest's work in a real browser, while other tabs have the log open.
import { afterEach, expect, test } from "vitest";
import { deleteLog, type LogHandle, openLog } from "../../src/client/open-log.ts";
import { board, task } from "../support/board-domain.ts";

const worker = () => new Worker(new URL("../support/browser/board.worker.ts", import.meta.url), { type: "module" });
const handles: LogHandle[] = [];
afterEach(async () => {
  for (const handle of handles.splice(0)) await handle.close();
});
const until = async (condition: () => boolean | Promise<boolean>, what: string) => {
  for (
    const deadline = Date.now() + 60_000;
    !(await condition());
    await new Promise((resolve) => setTimeout(resolve, 10))
  )
    if (Date.now() > deadline) throw new Error(`Not in time: ${what}`);
};
/** The databases whose names match. WebKit also lists names that were opened and found to be missing, as version 0. */
const databases = async (isMatch: (name: string | undefined) => boolean) =>
  (await indexedDB.databases()).filter(({ name, version }) => isMatch(name) && version !== 0);
const sync = { url: "http://127.0.0.1:9/sync" };

test("deleteLog: ends the handles of two tabs without a network, and leaves nothing", async () => {
  const name = `log-${crypto.randomUUID()}`;
  const open = async () => {
    // Each handle has a worker, a connection, a lock and a channel of its own, as a tab has.
    const handle = await openLog(name, { worker, user: "ada", sync });
    handles.push(handle);
    return handle;
  };
  const tabs = [await open(), await open()] as const;
  await tabs[0].execute(task.command.add("t1", { title: "Milk", column: "todo" }));
  await tabs[1].execute(task.command.add("t2", { title: "Eggs", column: "todo" }));
  await until(() => tabs.every(({ status }) => status.get().pending === 2), "both tabs know both commits");

  await expect(deleteLog(name, { user: "ada" })).rejects.toMatchObject({
    name: "PendingWorkError",
    code: "pending-work",
    details: { pending: 2, rejections: 0 },
  });
  await tabs[1].execute(task.command.rename("t2", { title: "Six eggs" }));

  await deleteLog(name, { user: "ada", losePending: true });
  for (const { status } of tabs) {
    await until(() => status.get().connection === "stopped", "the tab ends");
    expect(status.get().error).toMatchObject({ code: "storage-lost", details: { reason: "deleted" } });
  }
  for (const tab of tabs)
    await expect(tab.execute(task.command.complete("t1"))).rejects.toMatchObject({ code: "storage-lost" });
  const isLeft = (text: string | undefined) => text?.includes(name) === true;
  expect(await databases(isLeft)).toEqual([]);
  await until(async () => {
    const { held = [], pending = [] } = await navigator.locks.query();
    return ![...held, ...pending].some((lock) => isLeft(lock.name));
  }, "no lock is held or requested");

  const again = await open();
  await again.rows(board).ready;
  expect(again.rows(board).all()).toEqual([]);
  await again.execute(task.command.add("t1", { title: "Milk", column: "todo" }));
  await until(() => again.status.get().leader, "the new handle leads");
});

test("deleteLog: deletes a closed log, and resolves for a log that does not exist", async () => {
  const name = `log-${crypto.randomUUID()}`;
  const log = await openLog(name, { worker, user: "ada", sync, namespace: "notes" });
  await log.close();
  const isThere = async () => (await databases((one) => one?.includes(name) === true)).length > 0;
  expect(await isThere()).toBe(true);
  await deleteLog(name, { user: "ada" });
  expect(await isThere()).toBe(true);
  await deleteLog(name, { user: "ada", namespace: "notes" });
  expect(await isThere()).toBe(false);
});

test("moveTo: takes a guest's work along, and ends the tabs of the guest", async () => {
  const name = `log-${crypto.randomUUID()}`;
  const open = async (user: string) => {
    const handle = await openLog(name, { worker, user, ...(user === "ada" && { sync }) });
    handles.push(handle);
    return handle;
  };
  const [guest, otherTab, ada] = [await open("guest"), await open("guest"), await open("ada")];
  await ada.rows(board).ready;
  for (let n = 1; n <= 4; n++) await guest.execute(task.command.add(`t${n}`, { title: `Task ${n}`, column: "todo" }));
  const last = await otherTab.execute(task.command.rename("t4", { title: "Tea" }));
  await otherTab.settled(last);

  await guest.moveTo("ada");
  await expect(guest.execute(task.command.complete("t1"))).rejects.toMatchObject({ code: "log-closed" });
  await until(() => otherTab.status.get().connection === "stopped", "the guest's other tab ends");
  await until(() => ada.rows(board).all().length === 4, "the work is shown");
  expect(ada.rows(board).row("task/t4")?.row.title).toBe("Tea");
  expect(ada.status.get().pending).toBe(5);
  expect((await ada.history(task, "t4")).map(({ actor, client }) => [actor, client])).toEqual([
    ["ada", ada.client],
    ["ada", ada.client],
  ]);
  expect(await databases((one) => one?.endsWith(`${name}:guest`) === true)).toEqual([]);
});

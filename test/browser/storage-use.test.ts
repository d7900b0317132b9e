// Persistent storage, as a real page requests it.
import { afterEach, beforeEach, expect, type MockInstance, test, vi } from "vitest";
import { type LogHandle, openLog, type OpenLogOptions } from "../../src/client/open-log.ts";
import { task } from "../support/board-domain.ts";

const worker = () => new Worker(new URL("../support/browser/board.worker.ts", import.meta.url), { type: "module" });
const handles: LogHandle[] = [];
/** WebKitGTK has no `navigator.storage`. */
const hasStorage = "storage" in navigator;
let persist: MockInstance<() => Promise<boolean>>;
let persisted: MockInstance<() => Promise<boolean>>;
beforeEach(() => {
  if (!hasStorage) return;
  persist = vi.spyOn(navigator.storage, "persist").mockResolvedValue(true);
  persisted = vi.spyOn(navigator.storage, "persisted").mockResolvedValue(false);
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const handle of handles.splice(0)) await handle.close();
});
const open = async (options: Partial<OpenLogOptions> = {}) => {
  const log = await openLog(`log-${crypto.randomUUID()}`, { worker, user: "ada", ...options });
  handles.push(log);
  return log;
};
const use = (log: LogHandle) => log.status.get().storage;
const until = async (condition: () => boolean, what: string) => {
  for (const deadline = Date.now() + 60_000; !condition(); await new Promise((resolve) => setTimeout(resolve, 10)))
    if (Date.now() > deadline) throw new Error(`Not in time: ${what}`);
};
const milk = task.command.add("t1", { title: "Milk", column: "todo" });

test.runIf(hasStorage)("status.storage: shows use and quota after the opening, without a request", async () => {
  const log = await open();
  await until(() => use(log) !== null, "the browser answered");
  expect(use(log)?.persisted).toBe(false);
  expect(use(log)?.quota).toBeGreaterThan(0);
  expect(use(log)?.usage).toBeGreaterThanOrEqual(0);
  expect(persist).not.toHaveBeenCalled();
});

test.runIf(hasStorage)(
  "persist: is requested once, after the first commit, and the answer is in the status",
  async () => {
    const log = await open({ sync: { url: "http://127.0.0.1:9/sync" } });
    await until(() => use(log) !== null, "the browser answered");
    await log.execute(milk);
    await until(() => use(log)?.persisted === true, "the answer is shown");
    await log.execute(task.command.rename("t1", { title: "Oat milk" }));
    expect(persist).toHaveBeenCalledTimes(1);
    await until(() => log.status.get().pending === 2, "a later status");
    expect(use(log)?.persisted).toBe(true);
  },
);

test.runIf(hasStorage)(
  "persist: is not requested where the data is kept already, or where the app turned it off",
  async () => {
    const log = await open({ persist: false });
    await log.execute(milk);
    persisted.mockResolvedValue(true);
    const kept = await open();
    await kept.execute(milk);
    await until(() => use(kept)?.persisted === true, "the browser keeps the data");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(persist).not.toHaveBeenCalled();
  },
);

test.runIf(hasStorage)("persist: a browser that refuses or fails does not disturb the log", async () => {
  persist.mockRejectedValue(new Error("not in a private window"));
  const log = await open();
  await log.execute(milk);
  await until(() => use(log) !== null && persist.mock.calls.length === 1, "the use of storage and the request");
  expect(use(log)?.persisted).toBe(false);
  expect(log.status.get().error).toBe(null);
});

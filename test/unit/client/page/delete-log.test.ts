import "fake-indexeddb/auto";
import { afterEach, expect, test } from "vitest";
import { browserEnv } from "../../../../src/client/env/browser-env.ts";
import { deleteLog } from "../../../../src/client/page/delete-log.ts";
import {
  type PageUpdate,
  unwrap,
  type WorkerLog,
  type WorkerStatus,
} from "../../../../src/client/messages/worker-messages.ts";
import { executeCalls } from "../../../../src/client/page/execute-calls.ts";
import { openIdbLogStore } from "../../../../src/client/stores/idb/idb-log-store.ts";
import { openWorkerLog } from "../../../../src/client/worker/open-worker-log.ts";
import type { Transport } from "../../../../src/client/sync/transport.ts";
import { UnreachableError } from "../../../../src/client/sync/unreachable-error.ts";
import { domain, task } from "../../../support/board-domain.ts";
import { nodeEnv, sharedByTabs, type Shared, until } from "../../../support/device.ts";
import { parseOwnJson } from "../../../support/own-json.ts";

const opened: WorkerLog[] = [];
afterEach(async () => {
  for (const log of opened.splice(0)) await log.close();
});

const unreachable = () => Promise.reject(new UnreachableError("No network", null));
const offline: Transport = {
  push: unreachable,
  pull: unreachable,
  info: unreachable,
  live: () => ({ setPresence: () => {}, close: () => {} }),
};

/** Opens a tab on the fake IndexedDB, with real channels. */
async function openTab(shared: Shared, user: string, transport: Transport | null) {
  let status: WorkerStatus | null = null;
  const api = await openWorkerLog({
    domain: domain.definition,
    options: { log: "team", user, syncUrl: transport && "http://127.0.0.1:9/sync", visible: true },
    page: {
      changed: (text) => {
        const update = parseOwnJson<PageUpdate>(text);
        if (update.answers) calls.settle(update.answers);
        if (update.status) status = update.status;
      },
    },
    env: { ...nodeEnv(shared), channel: (name) => browserEnv.channel(name) },
    store: await openIdbLogStore({ log: "team", user, newClientId: () => crypto.randomUUID(), locks: null }),
    transport,
  });
  opened.push(api);
  const calls = executeCalls((batch) => api.executeBatch(batch));
  return {
    api,
    add: (id: string) => calls.execute([task.command.add(id, { title: "Milk", column: "todo" })], null, null),
    status: () => status,
  };
}

const names = async () => (await indexedDB.databases()).map(({ name }) => name);
const fresh = () => `user-${crypto.randomUUID()}`;

test("deleteLog: refuses to lose pending commits, counts them, and the open log continues", async () => {
  const user = fresh();
  const tab = await openTab(sharedByTabs(), user, offline);
  await tab.add("t1");
  await tab.add("t2");
  await expect(deleteLog("team", { user })).rejects.toMatchObject({
    name: "PendingWorkError",
    code: "pending-work",
    details: { pending: 2, rejections: 0 },
  });
  await tab.add("t3");
  await expect(deleteLog("team", { user })).rejects.toMatchObject({ details: { pending: 3 } });
  await expect(deleteLog("team", { user, namespace: "another" })).resolves.toBeUndefined();
  expect(await names()).toContain(`dacapo:team:${user}`);
});

test("deleteLog: refuses to lose rejected commits that the app has not handled", async () => {
  const user = fresh();
  const tab = await openTab(sharedByTabs(), user, offline);
  const commit = await tab.add("t1");
  unwrap(await tab.api.withdraw(commit));
  await expect(deleteLog("team", { user })).rejects.toMatchObject({ details: { pending: 0, rejections: 1 } });
  unwrap(await tab.api.discard(commit));
  await deleteLog("team", { user });
  expect(await names()).not.toContain(`dacapo:team:${user}`);
});

test("deleteLog: counts the settled commits of a log without a server", async () => {
  const user = fresh();
  const tab = await openTab(sharedByTabs(), user, null);
  const commit = await tab.add("t1");
  unwrap(await tab.api.settled(commit));
  expect(tab.status()?.pending).toBe(0);
  await expect(deleteLog("team", { user })).rejects.toMatchObject({ details: { pending: 1 } });
});

test("deleteLog: ends the handles of other tabs, and leaves nothing behind", async () => {
  const user = fresh();
  const shared = sharedByTabs();
  const tabs = [await openTab(shared, user, offline), await openTab(shared, user, offline)];
  const [first, second] = tabs;
  const commit = await first?.add("t1");
  await until(() => tabs.every((tab) => tab.status()?.pending === 1), "both know the commit");
  const settled = second?.api.settled(commit ?? "");
  await deleteLog("team", { user, losePending: true });
  for (const tab of tabs) {
    await until(() => tab.status()?.connection === "stopped", "the tab ends");
    expect(tab.status()).toMatchObject({
      leader: false,
      error: { code: "storage-lost", details: { reason: "deleted" } },
    });
    await expect(tab.add("t2")).rejects.toMatchObject({ code: "storage-lost", details: { reason: "deleted" } });
  }
  expect(await settled).toMatchObject({ ok: false, error: { code: "storage-lost" } });
  expect(await names()).not.toContain(`dacapo:team:${user}`);

  const again = await openTab(shared, user, offline);
  await again.add("t1");
  await until(() => again.status()?.leader === true, "the new handle leads, because the ended ones hold no lock");
});

test("deleteLog: loses no commit that another tab makes meanwhile", async () => {
  for (let round = 0; round < 20; round++) {
    const user = fresh();
    const tab = await openTab(sharedByTabs(), user, offline);
    const deleting = deleteLog("team", { user }).then(
      () => "deleted",
      () => "refused",
    );
    for (let turn = 0; turn < round; turn++) await Promise.resolve();
    const made = await tab.add("t1").then(
      () => "made",
      () => "failed",
    );
    expect(`${await deleting}, ${made}`).toMatch(/^(deleted, failed|refused, made)$/);
  }
});

test("deleteLog: resolves for a log that does not exist, creates nothing, and refuses bad names", async () => {
  const before = await names();
  await deleteLog("nowhere", { user: "ada" });
  expect(await names()).toEqual(before);
  await expect(deleteLog("team 7", { user: "ada" })).rejects.toMatchObject({ code: "invalid" });
  await expect(deleteLog("team", { user: "ada", namespace: "" })).rejects.toMatchObject({ code: "invalid" });
});

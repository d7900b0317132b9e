// A tab whose push waits for a refusal while its person returns. The store is slow, and time is virtual.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { unwrap, type WorkerLog } from "../../../../src/client/messages/worker-messages.ts";
import { executeCalls } from "../../../../src/client/page/execute-calls.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import { UnreachableError } from "../../../../src/client/sync/unreachable-error.ts";
import { openWorkerLog } from "../../../../src/client/worker/open-worker-log.ts";
import { domain, task } from "../../../support/board-domain.ts";
import { nodeEnv, sharedByTabs } from "../../../support/device.ts";
import { MINUTE, pass } from "../../../support/sync-loop-scene.ts";
import { twoNodes } from "../../../support/two-nodes.ts";

const STORE_MS = 500;
const ANSWER_MS = 200;

const ends: (() => Promise<unknown>)[] = [];
beforeEach(() => void vi.useFakeTimers());
afterEach(async () => {
  const closed = ends.splice(0).map((end) => end());
  await pass(STORE_MS);
  await Promise.all(closed);
  vi.useRealTimers();
});

const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A leader with one commit, whose first push is under way. Its server refuses each push for a minute. */
async function pushingTab() {
  const nodes = twoNodes();
  let isSlow = false;
  let pushes = 0;
  const api: WorkerLog = await openWorkerLog({
    domain: domain.definition,
    options: { log: "team", user: "ada", syncUrl: "model:", whenStuck: "wait", visible: true },
    page: { changed: () => {} },
    env: { ...nodeEnv(sharedByTabs()), chance: () => 0 },
    store: memoryLogStore(new MemoryDatabase(() => crypto.randomUUID()), {
      before: async (operation) => {
        if (isSlow && operation === "refresh") await later(STORE_MS);
      },
    }),
    transport: {
      ...nodes.transport,
      push: async () => {
        pushes++;
        await later(ANSWER_MS);
        throw new UnreachableError("Too many requests", MINUTE, undefined, { code: "rate-limited" });
      },
    },
  });
  ends.push(() => api.close());
  await pass(1_000);
  isSlow = true;
  const request = task.command.add("t1", { title: "Milk", column: "todo" });
  void executeCalls((batch) => api.executeBatch(batch)).execute([request], null, null);
  await pass(ANSWER_MS / 2);
  expect(pushes).toBe(1);
  return { api, nodes, pushes: () => pushes };
}

const returns: readonly { readonly what: string; readonly run: (api: WorkerLog) => void }[] = [
  { what: "resumed", run: (api) => api.lifecycle("resumed") },
  { what: "visible", run: (api) => api.lifecycle("visible") },
  { what: "online", run: (api) => api.lifecycle("online") },
  { what: "offline", run: (api) => api.lifecycle("offline") },
  { what: "resume()", run: (api) => unwrap(api.setPaused(false)) },
  { what: "hidden", run: (api) => api.lifecycle("hidden") },
];

test.each(returns)("lifecycle $what: a push that is refused after it waits until the retry time", async ({ run }) => {
  const { api, pushes } = await pushingTab();
  run(api);
  await pass(MINUTE - 1_000);
  expect(pushes()).toBe(1);
  await pass(2_000);
  expect(pushes()).toBe(2);
});

test.each(returns.slice(0, -1))(
  "lifecycle $what: it ends the wait of a push that was refused before",
  async ({ run }) => {
    const { api, nodes, pushes } = await pushingTab();
    await pass(ANSWER_MS);
    const calls = nodes.calls.length;
    run(api);
    await pass(50);
    expect(nodes.calls.slice(calls)).toEqual(["pull"]);
    await pass(STORE_MS);
    expect(pushes()).toBe(2);
  },
);

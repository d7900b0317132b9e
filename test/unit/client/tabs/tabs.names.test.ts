// Logs whose names could be mistaken for each other, on one origin.
import { afterEach, expect, test } from "vitest";
import type { WorkerLog } from "../../../../src/client/messages/worker-messages.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import { openWorkerLog } from "../../../../src/client/worker/open-worker-log.ts";
import { domain } from "../../../support/board-domain.ts";
import { nodeEnv, sharedByTabs, until } from "../../../support/device.ts";

const opened: WorkerLog[] = [];
afterEach(async () => {
  for (const log of opened.splice(0)) await log.close();
});

/** Opens each log on the same origin, and returns the number of those that lead. */
async function leaders(
  logs: readonly { readonly log: string; readonly user: string; readonly namespace?: string }[],
): Promise<() => number> {
  const shared = sharedByTabs();
  const statuses = logs.map(() => false);
  for (const [index, names] of logs.entries())
    opened.push(
      await openWorkerLog({
        domain: domain.definition,
        options: { ...names, syncUrl: null, visible: true },
        page: {
          changed: (text) => {
            const { status } = JSON.parse(text) as { status?: { leader: boolean } };
            if (status) statuses[index] = status.leader;
          },
        },
        env: nodeEnv(shared),
        store: memoryLogStore(new MemoryDatabase(() => crypto.randomUUID())),
        transport: null,
      }),
    );
  return () => statuses.filter(Boolean).length;
}

test("openLog: two logs with colons in their names do not share a leader", async () => {
  const count = await leaders([
    { log: "a:b", user: "c" },
    { log: "a", user: "b:c" },
  ]);
  await until(() => count() === 2, "both lead");
  expect(opened).toHaveLength(2);
});

test("openLog: namespace keeps two apps with the same log and user apart", async () => {
  const count = await leaders([
    { log: "team", user: "ada", namespace: "notes" },
    { log: "team", user: "ada", namespace: "tasks" },
    { log: "team", user: "ada" },
  ]);
  await until(() => count() === 3, "all three lead");
  expect(opened).toHaveLength(3);
});

import { expect, test } from "vitest";
import { browserEnv } from "../../../../src/client/env/browser-env.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import { storageLost } from "../../../../src/client/stores/storage-errors.ts";
import { openWorkerLog } from "../../../../src/client/worker/open-worker-log.ts";
import { domain } from "../../../support/board-domain.ts";

test("openWorkerLog: closes the store if the log cannot be opened", async () => {
  let closed = 0;
  const store = memoryLogStore(new MemoryDatabase(() => crypto.randomUUID()), {
    before: (operation) => {
      if (operation === "refresh") throw storageLost("corrupt");
    },
  });
  const opening = openWorkerLog({
    domain: domain.definition,
    options: { log: "team", user: "ada", syncUrl: null, visible: true },
    page: { changed: () => {} },
    env: browserEnv,
    store: { ...store, close: () => void closed++ },
    transport: null,
  });
  await expect(opening).rejects.toMatchObject({ details: { reason: "corrupt" } });
  expect(closed).toBe(1);
});

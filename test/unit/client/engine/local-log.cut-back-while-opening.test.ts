import { expect, test } from "vitest";
import { LocalLog } from "../../../../src/client/engine/local-log.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import { RowCache } from "../../../../src/client/engine/row-cache.ts";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { device, until } from "../../../support/device.ts";

test("LocalLog.load: a log that another tab cuts back meanwhile is loaded as it is then", async () => {
  const ada = device(domain, "log", "ada");
  const tab = await ada.open();
  for (let n = 0; n < 4; n++)
    unwrap(await tab.execute([task.command.add(`t${n}`, { title: `Task ${n}`, column: "todo" })], null, null));
  await until(() => tab.status().pending === 0 && tab.status().position === 4, "confirmed");
  await tab.close();

  const other = memoryLogStore(ada.database);
  let cut = false;
  const store = memoryLogStore(ada.database, {
    after: async (operation) => {
      if (operation !== "readRows" || cut) return;
      cut = true;
      expect(await other.cutBack(await other.head(), null, [])).not.toBeNull();
    },
  });
  const local = await LocalLog.load(domain.definition, store, new RowCache(), Date.now());
  expect(local.head.generation).toBe(1);
  expect(local.replica.cursor).toBeNull();
  expect(local.replica.entries(board.name)).toEqual([]);
});

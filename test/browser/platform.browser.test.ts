// The client relies on these features of a browser: IndexedDB in a module worker, Comlink with callbacks, Web Locks.
import { proxy, wrap } from "comlink";
import { deleteDB, openDB } from "idb";
import { expect, test } from "vitest";
import type { Echo } from "../support/browser/echo.worker.ts";

test("module worker: stores a value that the page then reads", async () => {
  const name = `platform-${crypto.randomUUID()}`;
  const worker = new Worker(new URL("../support/browser/echo.worker.ts", import.meta.url), { type: "module" });
  const kept: unknown[] = [];
  await wrap<Echo>(worker).keep(
    name,
    "milk",
    proxy((value) => void kept.push(value)),
  );
  await expect.poll(() => kept).toEqual(["milk"]);

  const database = await openDB(name);
  expect(await database.get("values", "only")).toBe("milk");
  database.close();
  await deleteDB(name);
  // Not before, because in WebKit a worker that ends right after it closed its database may block the delete.
  worker.terminate();
});

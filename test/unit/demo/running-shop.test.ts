// The shop of the demo changes its release while it runs, also after a failure.
import { expect, test } from "vitest";
import { RunningShop } from "../../../demo/orders/server/running-shop.ts";
import { temporaryFolder } from "../../support/server.ts";

test("change: a release opens after one that could not open, and after a close that failed", async () => {
  const folder = await temporaryFolder();
  const errors: unknown[] = [];
  let file = folder.path("shop.db");
  const shop = new RunningShop({
    release: "none",
    baseEvery: 1_000,
    onError: (error) => errors.push(error),
    get file() {
      return file;
    },
  });
  // A folder is not a database.
  file = folder.path("");
  await expect(shop.change("mistaken")).rejects.toMatchObject({ code: "storage-lost" });
  await expect(shop.log()).rejects.toMatchObject({ code: "storage-lost" });
  file = folder.path("shop.db");
  await shop.change("right");
  const server = await shop.server();
  const { close } = server;
  const closeAndFail = async () => {
    await close();
    throw new Error("the close failed");
  };
  Object.assign(server, { close: closeAndFail });
  await shop.change("mistaken");
  expect(errors.map(String)).toEqual(["Error: the close failed"]);
  expect(shop.release).toBe("mistaken");
  expect((await (await shop.log()).models.list()).map(({ name }) => name)).toContain("sales");
  await (await shop.server()).close();
  await folder.remove();
});

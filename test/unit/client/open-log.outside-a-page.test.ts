// Where there is no page: a server that renders one, a script in Node. What runs here is such a place.
import { expect, test } from "vitest";
import { openLog } from "../../../src/client/open-log.ts";

test("outside a page of a browser, opening a log says that it works in one, and where to call it, before a worker is made", async () => {
  let made = 0;
  const worker = () => {
    made++;
    throw new Error("a worker was made");
  };
  await expect(openLog("team-7", { worker, user: "ada", sync: { url: "/sync" } })).rejects.toMatchObject({
    code: "definition",
    message: "openLog works only in a page of a browser, and this is not one",
    fix: expect.stringContaining("in the browser only"),
  });
  expect(made).toBe(0);
});

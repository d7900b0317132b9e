// Node has no page, like a server that renders one.
import { expect, test } from "vitest";
import { openLog } from "../../../src/client/open-log.ts";
import { containing } from "../../support/matchers.ts";

test("openLog: outside of a page, rejects with definition before a worker starts", async () => {
  let made = 0;
  const worker = () => {
    made++;
    throw new Error("a worker was made");
  };
  await expect(openLog("team-7", { worker, user: "ada", sync: { url: "/sync" } })).rejects.toMatchObject({
    code: "definition",
    message: "openLog works only in a page of a browser, and this is not one",
    fix: containing("in the browser only"),
  });
  expect(made).toBe(0);
});

/** The demo of orders: its script with few orders, and its page. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { runOnce } from "../../demo/orders/script/once.ts";
import { joinByBase } from "../support/new-device.ts";

test("orders: a day with a kill, a later model and a poison event ends with all orders settled", async () => {
  const lines: string[] = [];
  const isFine = await runOnce(200, (line) => lines.push(line), joinByBase);
  expect({ isFine, lines }).toMatchObject({ isFine: true });
  expect(lines.map((line) => line.split(/\s/)[0])).toEqual(["placed", "settled", "kill", "sales", "verify", "new"]);
  expect(lines[5]).toMatch(/log of \d+ events; {2}\d+ rows equal to a replay {2}ok$/);
  expect(lines[1]).toMatch(/shipped [1-9]\d*  declined [1-9]\d*  sold out [1-9]\d*  open 0/);
});

test("orders: a taken port ends the server with one sentence that says what to do", async () => {
  const other = createServer().listen(0, "localhost");
  await once(other, "listening");
  const address = other.address();
  const PORT = String(typeof address === "object" && address ? address.port : 0);
  const main = fileURLToPath(new URL("../../demo/orders/server/main.ts", import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, ["--conditions=dacapo-source", main], {
    env: { ...process.env, PORT, ORDERS_DB: ":memory:" },
    encoding: "utf8",
    timeout: 60_000,
  });
  other.close();
  expect(stderr).toBe(`Port ${PORT} is already in use. Stop the other server, or set PORT to another port.\n`);
  expect(status).toBe(1);
});

/** The demo of orders: its script with few orders, and its page. */
import { expect, test } from "vitest";
import { runOnce } from "../../demo/orders/script/once.ts";
import { joinByBase } from "../support/new-device.ts";

test(
  "orders: a day with a kill, a later model and a poison event ends with all orders settled",
  { timeout: 300_000 },
  async () => {
    const lines: string[] = [];
    const isFine = await runOnce(200, (line) => lines.push(line), joinByBase);
    expect({ isFine, lines }).toMatchObject({ isFine: true });
    expect(lines.map((line) => line.split(/\s/)[0])).toEqual(["placed", "settled", "kill", "sales", "verify", "new"]);
    expect(lines[5]).toMatch(/log of \d+ events; {2}\d+ rows equal to a replay {2}ok$/);
    expect(lines[1]).toMatch(/shipped [1-9]\d*  declined [1-9]\d*  sold out [1-9]\d*  open 0/);
  },
);

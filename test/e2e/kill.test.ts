import { expect, test } from "vitest";
import { runKills } from "../kill/run-kills.ts";

test("P8 server: 200 kills under eight writers lose and double no acknowledged commit", async () => {
  const { rounds, lost, doubled, acknowledged } = await runKills({ rounds: 200, seed: Date.now() % 1_000_000 });
  expect({ rounds, lost, doubled }).toEqual({ rounds: 200, lost: [], doubled: [] });
  expect(acknowledged).toBeGreaterThan(200);
});

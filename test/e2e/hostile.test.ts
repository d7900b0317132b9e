import { expect, test } from "vitest";
import { runHostile } from "../hostile/run-hostile.ts";

test("P22 server: 1,500 hostile inputs cause no error and no crash, and the log stays exact", async () => {
  const { serverErrors, crashes, findings, statuses } = await runHostile({
    inputs: 1_500,
    seed: Date.now() % 1_000_000,
  });
  expect({ serverErrors, crashes, findings }).toEqual({ serverErrors: [], crashes: [], findings: [] });
  // They reached the doors behind the first: some were taken, some refused for each reason.
  for (const kind of [
    "mutated push: 200",
    "mutated push: 400",
    "hostile frames: 101",
    "hostile handshake: 401",
    "bad name: 400",
    "monstrous body: 413",
  ])
    expect(statuses.get(kind), kind).toBeGreaterThan(0);
});

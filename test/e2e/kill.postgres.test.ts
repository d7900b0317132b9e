import { describe, expect, test } from "vitest";
import { runKills } from "../kill/run-kills.ts";
import { hasPostgres, postgresForTests } from "../support/postgres-for-tests.ts";

describe.skipIf(!hasPostgres)("postgres nodes", () => {
  const cluster = postgresForTests();

  test("P8 server: 60 kills of one of three nodes lose and double no acknowledged commit", async () => {
    const seed = Date.now() % 1_000_000;
    const { rounds, lost, doubled, acknowledged } = await runKills({ rounds: 60, seed, postgres: cluster });
    expect({ rounds, lost, doubled }).toEqual({ rounds: 60, lost: [], doubled: [] });
    expect(acknowledged).toBeGreaterThan(200);
  });
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findPostgres } from "../../scripts/postgres.ts";
import { runKills } from "../kill/run-kills.ts";
import { type PostgresCluster, startPostgres } from "../support/postgres-cluster.ts";

describe.skipIf(findPostgres() === undefined)("postgres nodes", () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await startPostgres();
  }, 60_000);
  afterAll(() => cluster.stop(), 60_000);

  test("P8 server: 60 kills of one of three nodes lose and double no acknowledged commit", async () => {
    const seed = Date.now() % 1_000_000;
    const { rounds, lost, doubled, acknowledged } = await runKills({ rounds: 60, seed, postgres: cluster });
    expect({ rounds, lost, doubled }).toEqual({ rounds: 60, lost: [], doubled: [] });
    expect(acknowledged).toBeGreaterThan(200);
  }, 300_000);
});

/** One Postgres for the tests of a file. */
import { afterAll, beforeAll } from "vitest";
import { findPostgres, howToGetPostgres } from "../../scripts/postgres.ts";
import { type PostgresCluster, startPostgres } from "./postgres-cluster.ts";

/** False: this machine has no Postgres, so the tests that need one are skipped. */
export const hasPostgres = findPostgres() !== undefined;

/** Starts a Postgres before the tests of this file or of this `describe`, and stops it after them. */
export function postgresForTests(): Omit<PostgresCluster, "stop"> {
  let started: PostgresCluster | undefined;
  beforeAll(async () => {
    if (hasPostgres) started = await startPostgres();
  }, 60_000);
  afterAll(() => started?.stop(), 60_000);
  const cluster = () => {
    if (started) return started;
    throw new Error(hasPostgres ? "Postgres starts before the first test. Use it inside a test" : howToGetPostgres);
  };
  return {
    get url() {
      return cluster().url;
    },
    get port() {
      return cluster().port;
    },
    query: (text) => cluster().query(text),
    restart: () => cluster().restart(),
  };
}

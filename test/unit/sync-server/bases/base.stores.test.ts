// A device that joins by a base, and the failures of bases, on each store of Node. Objects are in test/workerd.
import { describe, expect, test } from "vitest";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { postgres } from "../../../../src/sync-server/stores/postgres.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { bearer } from "../../../../src/sync-server/app.ts";
import { BASE_LIMITS, BASE_OPTION } from "../../../support/base-options.ts";
import { type BaseRule, baseRules } from "../../../support/base-rules.ts";
import { hasPostgres, postgresForTests } from "../../../support/postgres-for-tests.ts";
import { startServer, temporaryFolder } from "../../../support/server.ts";
import { tokens } from "../../../support/sync-requests.ts";

let logs = 0;

/** Closing the server closes its store. */
async function checkOn(store: EventStore, { check }: BaseRule) {
  const authorize = bearer({ tokens });
  const server = await startServer({ store, authorize, base: BASE_OPTION, limits: BASE_LIMITS });
  const { models } = store;
  if (!models) throw new Error("The store keeps no models");
  const beginning = await check({ url: server.url, log: `log${++logs}`, withModels: (run) => run(models) });
  await server.close();
  return beginning;
}

describe.each(baseRules)("base", (rule) => {
  test(`memory: ${rule.name}`, async () => {
    expect(await checkOn(memory(), rule)).toBe(rule.begins);
  });

  test(`SQLite: ${rule.name}`, async () => {
    const folder = await temporaryFolder();
    expect(await checkOn(sqlite(folder.path("logs.db")), rule)).toBe(rule.begins);
    await folder.remove();
  });
});

describe.skipIf(!hasPostgres)("base on Postgres", () => {
  const cluster = postgresForTests();

  test.each(baseRules)("Postgres: $name", async (rule) => {
    expect(await checkOn(postgres({ url: cluster.url, connectionsMax: 4 }), rule)).toBe(rule.begins);
  });
});

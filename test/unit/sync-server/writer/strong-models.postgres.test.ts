// Strong read models of two servers on one Postgres: each name is recorded once, and no append is lost.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { strong } from "../../../../src/sync-server/app.ts";
import { postgres } from "../../../../src/sync-server/stores/postgres.ts";
import { findPostgres } from "../../../../scripts/postgres.ts";
import { eventCounts, names, namesDomain, user } from "../../../support/names-domain.ts";
import { type PostgresCluster, startPostgres } from "../../../support/postgres-cluster.ts";
import { runningServer } from "../../../support/running-server.ts";

const isThere = findPostgres() !== undefined;
const { start, stopAll } = runningServer();
let cluster: PostgresCluster;
beforeAll(async () => {
  if (isThere) cluster = await startPostgres();
}, 60_000);
afterEach(stopAll);
afterAll(() => cluster?.stop(), 60_000);

describe.skipIf(!isThere)("strong models on Postgres", () => {
  test("strong: of two nodes that take one name at the same time, one records it", async () => {
    const node = () =>
      start({
        domain: namesDomain,
        store: postgres({ url: cluster.url, connectionsMax: 4 }),
        models: [strong(names), strong(eventCounts)],
      });
    const [one, two] = [await node(), await node()];
    const [ada, bob] = [one.person("ada"), two.person("bob")];
    const call = (id: string, name: string) => user.command.name(id, { name });
    for (let n = 0; n < 20; n++) {
      const outcomes = await Promise.all([
        ada.outcomes(ada.commit(call(`a${n}`, `name${n}`))),
        bob.outcomes(bob.commit(call(`b${n}`, `name${n}`))),
      ]);
      const codes = outcomes.flat().map((one) => (one.outcome === "rejected" ? one.code : one.outcome));
      expect(new Set(codes)).toEqual(new Set(["recorded", "name-taken"]));
    }
    for (const { server } of [one, two]) {
      const { rows, parked, at } = await server.log("board").rows(names, { waitMs: 0 });
      expect([rows.length, parked]).toEqual([20, 0]);
      expect(at).toBe((await server.log("board").rows(eventCounts, { waitMs: 0 })).at);
    }
  }, 60_000);
});

// Strong read models of two servers on one Postgres: each name is recorded once, and no append is lost.
import { afterEach, describe, expect, test } from "vitest";
import { strong } from "../../../../src/sync-server/app.ts";
import { postgres } from "../../../../src/sync-server/stores/postgres.ts";
import { eventCounts, names, namesDomain, user } from "../../../support/names-domain.ts";
import { hasPostgres, postgresForTests } from "../../../support/postgres-for-tests.ts";
import { runningServer } from "../../../support/running-server.ts";

const { start, stopAll } = runningServer();
const cluster = postgresForTests();
afterEach(stopAll);

describe.skipIf(!hasPostgres)("strong models on Postgres", () => {
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
  });
});

// The Postgres store follows the rules of its port: as it is, and over two pools in turn.
import { eventStoreConformance, inTurn, modelStoreConformance } from "dacapo/testing";
import { afterAll, beforeAll, describe, it } from "vitest";
import { postgres } from "../../src/sync-server/stores/postgres.ts";
import { findPostgres } from "../../scripts/postgres.ts";
import { type PostgresCluster, startPostgres } from "../support/postgres-cluster.ts";

const isThere = findPostgres() !== undefined;
let cluster: PostgresCluster;
let schemas = 0;
beforeAll(async () => {
  if (isThere) cluster = await startPostgres();
}, 60_000);
afterAll(() => cluster?.stop(), 60_000);

const runner = { describe: isThere ? describe : describe.skip, it };
const store = (schema: string) => postgres({ url: cluster.url, schema, connectionsMax: 4 });
const nodes = () => {
  const schema = `s${++schemas}`;
  return [store(schema), store(schema)] as const;
};
eventStoreConformance("postgres()", () => store(`s${++schemas}`), { ...runner, nodes });
eventStoreConformance("postgres() over two pools", () => inTurn(nodes()), runner);
modelStoreConformance("postgres()", () => store(`s${++schemas}`), runner);
modelStoreConformance("postgres() over two pools", () => inTurn(nodes()), runner);

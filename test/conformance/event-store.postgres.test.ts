// The Postgres store follows the rules of its port: as it is, and over two pools in turn.
import { eventStoreConformance, inTurn, modelStoreConformance } from "dacapo/testing";
import { describe, it } from "vitest";
import { postgres } from "../../src/sync-server/stores/postgres.ts";
import { hasPostgres, postgresForTests } from "../support/postgres-for-tests.ts";

const cluster = postgresForTests();
let schemas = 0;

const runner = { describe: hasPostgres ? describe : describe.skip, it };
const store = (schema: string) => postgres({ url: cluster.url, schema, connectionsMax: 4 });
const nodes = () => {
  const schema = `s${++schemas}`;
  return [store(schema), store(schema)] as const;
};
eventStoreConformance("postgres()", () => store(`s${++schemas}`), { ...runner, nodes });
eventStoreConformance("postgres() over two pools", () => inTurn(nodes()), runner);
modelStoreConformance("postgres()", () => store(`s${++schemas}`), runner);
modelStoreConformance("postgres() over two pools", () => inTurn(nodes()), runner);

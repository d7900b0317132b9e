/**
 * Runs the packed server on the oldest Node that the package allows: a SQL model of a SQLite file refuses a commit, and
 * nothing of the refused commit is stored.
 */
import type { Project } from "./support/project.ts";

/** The lowest version of `engines` in package.json. */
export const OLDEST_NODE = "22.13.0";

const program = `
import assert from "node:assert/strict";
import * as v from "valibot";
import { aggregate, defineDomain } from "dacapo";
import { sqlite } from "dacapo/sqlite";
import { sqlModel, strong, syncServer } from "dacapo/sync-server";

assert.equal(process.versions.node, "${OLDEST_NODE}");
const person = aggregate("person", {
  version: 1,
  initial: null,
  events: { Named: v.object({ name: v.string() }) },
  evolve: { Named: (_, { data }) => data },
  commands: {
    name: { input: v.object({ name: v.string() }), decide: (_, input, { emit }) => emit("Named", input) },
  },
});
const names = sqlModel("names", {
  version: 1,
  from: [person],
  tables: {
    count: (t) => \`create table \${t} (id integer primary key, n integer not null)\`,
    name: (t) => \`create table \${t} (name text primary key)\`,
  },
  on: {
    Named: ({ data }, t) => [
      { sql: \`insert into \${t.count} values (1, 1) on conflict (id) do update set n = \${t.count}.n + 1\`, params: [] },
      {
        sql: \`insert into \${t.name} values (?)\`,
        params: [data.name],
        veto: { code: "name-taken", message: "Another person has this name" },
      },
    ],
  },
});
const server = syncServer({
  domain: defineDomain({ version: 1, aggregates: [person] }),
  store: sqlite("logs.db"),
  models: [strong(names)],
  authorize: () => null,
});
const log = server.log("team");
await log.execute(person.command.name("p1", { name: "Ada" }));
await assert.rejects(log.execute(person.command.name("p2", { name: "Ada" })), { code: "rejected" });
await log.execute(person.command.name("p3", { name: "Bob" }));
assert.equal(await log.exists(person, "p2"), false);
const rowsOf = async (query) => (await log.query(names, query)).rows;
assert.deepEqual(await rowsOf((t) => \`select n from \${t.count}\`), [{ n: 2 }]);
assert.deepEqual(await rowsOf((t) => \`select name from \${t.name} order by name\`), [{ name: "Ada" }, { name: "Bob" }]);
await server.close();
`;

export async function checkOldestNode(project: Project): Promise<void> {
  await project.install("valibot", "hono", `node@${OLDEST_NODE}`);
  project.write("oldest-node.mjs", program);
  await project.npm("exec", "--", "node", "oldest-node.mjs");
}

// The Postgres store with the settings, rights and upgrades of an administrator. Each test has its own database.
import { createServer, type Socket } from "node:net";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { postgres, postgresLayout, type PostgresOptions } from "../../../../src/sync-server/stores/postgres.ts";
import { batch, readAll, recordsAfter, write } from "../../../../src/testing/event-store/samples.ts";
import { containing, matching } from "../../../support/matchers.ts";
import { parseOwnJson } from "../../../support/own-json.ts";
import { hasPostgres, postgresForTests } from "../../../support/postgres-for-tests.ts";

const cluster = postgresForTests();
let databases = 0;
let database = "";
const opened: EventStore[] = [];

function open(options: Partial<PostgresOptions> = {}): EventStore {
  const store = postgres({ url: urlOf(), connectionsMax: 4, ...options });
  opened.push(store);
  return store;
}

function urlOf(role = "dacapo"): string {
  return `postgres://${role}@127.0.0.1:${cluster.port}/${database}`;
}

/** Runs statements of a superuser in the test's database. */
async function sql(text: string): Promise<readonly object[]> {
  const client = new pg.Client({ connectionString: urlOf() });
  await client.connect();
  try {
    return (await client.query<object>(text)).rows;
  } finally {
    await client.end();
  }
}

/** Ten turns that two nodes take on one log at once. Each reads, waits and appends. */
async function contendedTurns(): Promise<readonly string[]> {
  const nodes = [open(), open()];
  await write(open(), "log", null, { commit: 1000, mark: "m0" });
  const turns = Array.from({ length: 10 }, async (_, n) =>
    nodes[n % 2]?.takeTurn?.("log", async (own) => {
      const found = await own.head("log");
      const head = found.kind === "open" ? found.cursor : null;
      await new Promise((resolve) => setTimeout(resolve, 60));
      return own.append("log", batch(head, { records: recordsAfter(head, [{ commit: n }]) }));
    }),
  );
  return (await Promise.all(turns)).map((result) => result?.kind ?? "");
}

describe.skipIf(!hasPostgres)("postgres", () => {
  beforeEach(async () => {
    database = `d${++databases}`;
    await cluster.query(`create database ${database}`);
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });

  test.each([
    ["default_transaction_isolation = 'repeatable read'"],
    ["default_transaction_isolation = 'serializable'"],
    ["lock_timeout = '150ms'"],
    ["idle_in_transaction_session_timeout = '50ms'"],
    ["statement_timeout = '150ms'"],
  ])("takeTurn: all turns end, if an administrator sets %s", async (setting) => {
    await sql(`alter database ${database} set ${setting}`);
    expect(new Set(await contendedTurns())).toEqual(new Set(["ok"]));
    expect(await readAll(open(), "log")).toHaveLength(11);
  });

  test("postgres: a resting connection stays open, if idle_session_timeout is set", async () => {
    // Shorter, it could end a connection of a busy machine before its first statement.
    await sql(`alter database ${database} set idle_session_timeout = '1s'`);
    await write(open(), "log", null, { commit: 0, mark: "m0" });
    const connections = () =>
      sql(
        "select pid from pg_stat_activity where usename = 'dacapo' and datname = current_database() and pid <> pg_backend_pid() order by pid",
      );
    const before = await connections();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(await connections()).toEqual(before);
    expect(before).not.toEqual([]);
  });

  test("postgres: sends no setting at the start that PgBouncer refuses", async () => {
    const started = Promise.withResolvers<readonly string[]>();
    // PgBouncer knows these parameters, and refuses a connection with any other.
    const known = new Set(["user", "database", "client_encoding", "application_name"]);
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on("error", () => {});
      socket.once("data", (chunk) => {
        const words = chunk.subarray(8).toString("utf8").split("\0");
        started.resolve(words.filter((word, n) => n % 2 === 0 && word !== ""));
        socket.destroy();
      });
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    if (!address || typeof address === "string") throw new Error("There is no port");
    const store = open({ url: `postgres://dacapo@127.0.0.1:${address.port}/x` });
    await expect(store.open?.()).rejects.toMatchObject({ code: "storage-lost" });
    expect((await started.promise).filter((name) => !known.has(name))).toEqual([]);
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  test("open: refuses a database whose encoding cannot store each text", async () => {
    database = `latin${databases}`;
    await cluster.query(`create database ${database} encoding 'LATIN1' locale 'C' template template0`);
    await expect(open().open?.()).rejects.toMatchObject({
      code: "storage-lost",
      message: matching(/LATIN1/),
      fix: matching(/encoding 'UTF8'/),
    });
  });

  test("postgresLayout: upgrades the tables of an older layout, and changes nothing a second time", async () => {
    await sql(postgresLayout("app"));
    await sql(`create role app_${database} login; grant usage on schema app to app_${database}`);
    await sql(`grant select, insert, update, delete on all tables in schema app to app_${database}`);
    const store = () => open({ url: urlOf(`app_${database}`), schema: "app" });
    const head = await write(store(), "log", null, { commit: 1 });
    const [current] = await sql("select version from app.dacapo_layout");
    // Layout 4 had another text of this function, and not this column.
    await sql("alter table app.dacapo_tables drop column view");
    await sql(`update app.dacapo_layout set version = 4`);
    await sql(`drop function app.dacapo_append_1`);
    await expect(store().open?.()).rejects.toMatchObject({ code: "storage-lost", fix: matching(/postgresLayout/) });
    for (let times = 0; times < 2; times++) await sql(postgresLayout("app"));
    const records = recordsAfter(head, [{ commit: 2 }]);
    expect(await store().append("log", batch(head, { records }))).toEqual({ kind: "ok" });
    expect(await sql("select version from app.dacapo_layout")).toEqual([current]);
    expect(await sql("select from app.dacapo_server")).toHaveLength(1);
  });

  test("postgresLayout: refuses the tables of a newer Dacapo, and changes nothing", async () => {
    await sql(postgresLayout());
    await sql("update dacapo_layout set version = 99");
    await expect(sql(postgresLayout())).rejects.toThrow(/newer Dacapo/);
    expect(await sql("select version from dacapo_layout")).toEqual([{ version: 99 }]);
  });

  test("append: a role without rights on the tables hears which rights it needs", async () => {
    await sql(postgresLayout());
    await sql(`create role few_${database} login; grant select on all tables in schema public to few_${database}`);
    const store = open({ url: urlOf(`few_${database}`) });
    const append = store.append("log", batch(null, { records: recordsAfter(null, [{ commit: 1 }]) }));
    await expect(append).rejects.toMatchObject({
      code: "storage-lost",
      fix: matching(/select, insert, update and delete/),
    });
  });

  test("open: a parameter of the URL that Postgres does not know is not a bug of Dacapo", async () => {
    await expect(open({ url: `${urlOf()}?options=-c%20nonsense%3D1` }).open?.()).rejects.toMatchObject({
      code: "definition",
      fix: matching(/parameters/),
    });
  });

  test("postgres: the URL may name the schema, as on the command line", async () => {
    const store = open({ url: `${urlOf()}?schema=app` });
    await write(store, "log", null, { commit: 1 });
    expect(await open({ schema: "app" }).logs()).toEqual(["log"]);
    expect(await open().logs()).toEqual([]);
  });
});

test("postgres: refuses a schema of the options that is not the one of the URL", () => {
  expect(() => postgres({ url: "postgres://localhost/x?schema=a", schema: "b" })).toThrow(
    expect.objectContaining({ code: "definition" }),
  );
});

test.each([[0], [-1], [1.5], [Number.NaN], [Infinity]])("postgres: refuses %d connections", (connectionsMax) => {
  expect(() => postgres({ url: "postgres://localhost/x", connectionsMax })).toThrow(
    expect.objectContaining({ code: "definition", message: containing("connectionsMax") }),
  );
});

test("postgres: refuses a variable that is not set with the usual error", () => {
  // A program in JavaScript passes what its environment has.
  const missing = parseOwnJson<{ readonly url: string }>("{}").url;
  expect(() => postgres(missing)).toThrow(expect.objectContaining({ code: "definition" }));
});

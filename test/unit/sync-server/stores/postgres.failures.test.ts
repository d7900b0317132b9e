// The Postgres store with lost connections, wrong settings and missing rights. Each test has a schema of its own.
import { type AddressInfo, connect, createServer } from "node:net";
import pg from "pg";
import { afterEach, describe, expect, test } from "vitest";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { postgres, postgresLayout, type PostgresOptions } from "../../../../src/sync-server/stores/postgres.ts";
import { batch, commitId, readAll, recordsAfter, write } from "../../../../src/testing/event-store/samples.ts";
import { matching } from "../../../support/matchers.ts";
import { hasPostgres, postgresForTests } from "../../../support/postgres-for-tests.ts";

const cluster = postgresForTests();
let schema = "f0";
let schemas = 0;
const opened: EventStore[] = [];

function open(options: Partial<PostgresOptions> = {}): EventStore {
  const store = postgres({ url: cluster.url, schema, connectionsMax: 4, ...options });
  opened.push(store);
  return store;
}

/** A connection to the database whose answers can be cut off after the database has sent them. */
async function answerCutter(): Promise<{ url: string; cutNextAnswer: () => void; close: () => void }> {
  let isCutting = false;
  const server = createServer((near) => {
    const far = connect(cluster.port, "127.0.0.1");
    near.on("data", (chunk) => far.write(chunk));
    far.on("data", (chunk) => {
      if (!isCutting) return void near.write(chunk);
      isCutting = false;
      near.resetAndDestroy();
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `postgres://dacapo@127.0.0.1:${port}/postgres`,
    cutNextAnswer: () => (isCutting = true),
    close: () => server.close(),
  };
}

describe.skipIf(!hasPostgres)("postgres", () => {
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
    schema = `f${++schemas}`;
  });

  test("append: nothing acknowledged is lost or doubled while connections are killed", async () => {
    const store = open();
    let head = await write(store, "log", null, { commit: 1 });
    const acknowledged = [commitId(1)];
    const endsAt = performance.now() + 2_500;
    const killing = (async () => {
      while (performance.now() < endsAt) {
        await new Promise((resolve) => setTimeout(resolve, 60));
        await cluster.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'dacapo' and random() < 0.7",
        );
      }
    })();
    let failures = 0;
    for (let commit = 2; performance.now() < endsAt; commit++) {
      const [record] = recordsAfter(head, [{ commit }]);
      if (!record) throw new Error("There is no sample");
      try {
        expect(await store.append("log", batch(head, { records: [record] }))).toEqual({ kind: "ok" });
      } catch (error) {
        expect(error).toMatchObject({ code: "storage-lost", retry: "later" });
        failures++;
        // The writer does the same: it looks for its commit before it appends again.
        const known = await untilAnswered(() => store.known("log", [record.commit]));
        if (!known.has(record.commit)) continue;
      }
      acknowledged.push(record.commit);
      head = record.cursor;
    }
    await killing;
    const stored = (await untilAnswered(() => readAll(store, "log"))).map(({ commit }) => commit);
    expect(stored).toEqual(acknowledged);
    expect(failures).toBeGreaterThan(0);
  });

  test("append: a commit whose answer was lost is found by its id", async () => {
    const cutter = await answerCutter();
    const store = open({ url: cutter.url, connectionsMax: 1 });
    const head = await write(store, "log", null, { commit: 1 });
    const records = recordsAfter(head, [{ commit: 2 }]);
    cutter.cutNextAnswer();
    await expect(store.append("log", batch(head, { records }))).rejects.toMatchObject({ code: "storage-lost" });
    expect((await store.known("log", [commitId(2)])).get(commitId(2))).toMatchObject({ record: { actor: "ann" } });
    cutter.close();
  });

  test("read: a call whose connection is lost is sent again on another connection", async () => {
    const cutter = await answerCutter();
    const store = open({ url: cutter.url, connectionsMax: 1 });
    const head = await write(store, "log", null, { commit: 1 });
    for (const read of [() => store.head("log"), () => readAll(store, "log"), () => store.known("log", [])]) {
      cutter.cutNextAnswer();
      await read();
    }
    expect(await store.head("log")).toEqual({ kind: "open", cursor: head });
    cutter.close();
  });

  test("append: two appends become visible in the order of their positions", async () => {
    const store = open();
    const head = await write(store, "log", null, { commit: 1 });
    const other = new pg.Client({ connectionString: cluster.url });
    await other.connect();
    await other.query("begin");
    const record = JSON.stringify([
      { first: 2, last: 2, mark: "other", commit_id: commitId(2), actor: "bob", streams: "[]", text: "{}" },
    ]);
    const call = `select ${schema}.dacapo_append_1('log', 1, 'mark1', '${record}', '[]', '[]', 0, 10) as result`;
    expect((await other.query(call)).rows).toEqual([{ result: '{"kind":"ok"}' }]);
    const append = store.append("log", batch(head, { records: recordsAfter(head, [{ commit: 3 }]) }));
    // The other append holds the log's row, so this one waits, and no reader sees either of them.
    const waited = await Promise.race([append, new Promise((resolve) => setTimeout(() => resolve("waiting"), 300))]);
    expect(waited).toBe("waiting");
    expect((await readAll(store, "log")).length).toBe(1);
    await other.query("commit");
    expect(await append).toEqual({ kind: "moved", head: { position: 2, mark: "other" } });
    await other.end();
  });

  test("open: a database that is not there is reported, and the next call connects again", async () => {
    const cutter = await answerCutter();
    const store = open({ url: cutter.url });
    cutter.cutNextAnswer();
    await expect(store.open?.()).rejects.toMatchObject({ code: "storage-lost", retry: "later" });
    expect(await store.head("log")).toEqual({ kind: "absent" });
    cutter.close();
    await expect(open({ url: "postgres://dacapo@127.0.0.1:1/postgres" }).open?.()).rejects.toMatchObject({
      code: "storage-lost",
      message: matching(/ECONNREFUSED/),
      fix: matching(/the host and the port of the connection URL\. A server .* must be started again/),
    });
    await expect(open({ url: `${cluster.url}-missing` }).open?.()).rejects.toMatchObject({
      code: "storage-lost",
      fix: matching(/database in the connection URL/),
    });
  });

  test("open: twenty nodes that start together prepare the tables once", async () => {
    const stores = Array.from({ length: 20 }, () => open({ connectionsMax: 1 }));
    await Promise.all(stores.map(async (store) => store.open?.()));
    await write(stores[0] ?? open(), "log", null, { commit: 1 });
    expect(await stores[19]?.logs()).toEqual(["log"]);
  });

  test("open: a role without the right to create tables uses those of postgresLayout", async () => {
    await cluster.query(`create role guest_${schema} login`);
    const url = cluster.url.replace("dacapo@", `guest_${schema}@`);
    const refused = open({ url });
    await expect(refused.open?.()).rejects.toMatchObject({
      code: "storage-lost",
      fix: matching(/postgresLayout\(\)/),
    });
    await cluster.query(postgresLayout(schema));
    await cluster.query(`grant usage on schema ${schema} to guest_${schema}`);
    await cluster.query(`grant select, insert, update, delete on all tables in schema ${schema} to guest_${schema}`);
    await write(refused, "log", null, { commit: 1 });
    expect(await refused.logs()).toEqual(["log"]);
  });

  test("open: refuses a database that reports commits before they are on the disk", async () => {
    await cluster.query(`create role loose_${schema} superuser login`);
    await cluster.query(`alter role loose_${schema} set synchronous_commit = off`);
    const store = open({ url: cluster.url.replace("dacapo@", `loose_${schema}@`) });
    await expect(store.head("log")).rejects.toMatchObject({
      code: "storage-lost",
      message: matching(/synchronous_commit is off/),
    });
  });

  test("open: refuses the tables of a newer Dacapo, and changes nothing", async () => {
    await open().open?.();
    await cluster.query(`update ${schema}.dacapo_layout set version = 99`);
    await expect(open().head("log")).rejects.toMatchObject({ code: "storage-newer" });
    expect(await cluster.query(`select version from ${schema}.dacapo_layout`)).toEqual([{ version: 99 }]);
  });

  test("drop: continues after a crash in the middle", async () => {
    await write(open(), "log", null, { commit: 1 }, { commit: 2 });
    await cluster.query(`update ${schema}.dacapo_logs set state = 'dropping', mark = null, position = 0`);
    const store = open();
    expect(await store.head("log")).toEqual({ kind: "gone" });
    await expect.poll(() => cluster.query(`select from ${schema}.dacapo_records`)).toEqual([]);
    await expect.poll(() => cluster.query(`select state from ${schema}.dacapo_logs`)).toEqual([{ state: "gone" }]);
  });

  test("postgres: a schema of any name keeps its logs apart", async () => {
    const [one, other] = [open({ schema: 'a "b" – ü' }), open({ schema: "other" })];
    await write(one, "log", null, { commit: 1 });
    expect([await one.logs(), await other.logs()]).toEqual([["log"], []]);
  });

  test("call: waits a bounded time for a free connection, then fails and works again", async () => {
    const store = open({ connectionsMax: 1 });
    const head = await write(store, "log", null, { commit: 1 });
    const other = new pg.Client({ connectionString: cluster.url });
    await other.connect();
    await other.query(`begin; select from ${schema}.dacapo_logs for update`);
    const append = store.append("log", batch(head, { records: recordsAfter(head, [{ commit: 2 }]) }));
    await expect(store.drop("elsewhere")).rejects.toMatchObject({ code: "storage-lost", retry: "later" });
    await other.query("rollback");
    expect(await append).toEqual({ kind: "ok" });
    expect(await store.logs()).toEqual(["log"]);
    await other.end();
  });

  test("close: every later call fails, and closing twice is harmless", async () => {
    const store = open();
    await store.head("log");
    await store.close();
    await store.close();
    await expect(store.head("log")).rejects.toMatchObject({ code: "storage-lost", message: matching(/closed/) });
  });
});

test.each([["localhost:5432"], [""], ["mysql://localhost/x"]])("postgres: refuses the URL %j", (url) => {
  expect(() => postgres(url)).toThrow(expect.objectContaining({ code: "definition" }));
});

/** Repeats a read until a connection survives it. */
async function untilAnswered<Result>(read: () => Promise<Result>): Promise<Result> {
  for (let tries = 0; ; tries++) {
    try {
      return await read();
    } catch (error) {
      if (tries > 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

// The store in a SQLite file, beyond the rules of the port: crashes, other processes, bad disks, other versions.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { StorageFullError, StorageLostError } from "../../../../src/core/values/errors.ts";
import { nodeSql, openDatabase } from "../../../../src/sync-server/stores/sqlite/node-sqlite.ts";
import { sqlEventStore } from "../../../../src/sync-server/stores/sqlite/tables.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import {
  ALL,
  batch,
  commitId,
  outcome,
  readAll,
  recordsAfter,
  write,
} from "../../../../src/testing/event-store/samples.ts";
import { until } from "../../../support/device.ts";
import { containing } from "../../../support/matchers.ts";

const folder = mkdtempSync(`${tmpdir()}/dacapo-`);
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
/** For tests that start processes on a busy machine. */
const processes = { timeout: 60_000 };
const newFile = () => `${folder}/${++files}.db`;

test("S2 openDatabase: synchronous is FULL at every opening, also for an existing file", () => {
  const path = newFile();
  for (let opening = 0; opening < 3; opening++) {
    const database = openDatabase(path);
    expect(database.prepare("pragma synchronous").get()).toEqual({ synchronous: 2 });
    expect(database.prepare("pragma journal_mode").get()).toEqual({ journal_mode: "wal" });
    database.exec("create table if not exists t (n)");
    database.close();
  }
});

test("S2 openDatabase: refuses a file that cannot have a write-ahead log", () => {
  expect(() => openDatabase(`file:${newFile()}?vfs=unix-dotfile`)).toThrow(
    /cannot make .* durable: journal_mode is delete/,
  );
});

test("openDatabase: opens the file of a URI, and creates no folder from the URI's text", () => {
  const path = newFile();
  const database = openDatabase(`file:${path}?cache=private`);
  database.exec("create table t (n)");
  database.close();
  expect(existsSync(path)).toBe(true);
  expect(existsSync("file:")).toBe(false);
  expect(() => openDatabase(`file:${folder}/none/logs.db`)).toThrow(/unable to open/);
});

test("S2 sqlite: a killed process loses no acknowledged append, and adds at most one more", processes, async () => {
  const path = newFile();
  const acknowledged: string[] = [];
  for (let round = 0; round < 5; round++) {
    const child = appendCommits(path, round * 1_000_000, 1_000_000);
    await child.begin();
    await once(child.lines, "line"); // an acknowledged append, so the kill may come at any moment
    setTimeout(() => child.process.kill("SIGKILL"), 7 * round);
    await child.ended;
    acknowledged.push(...child.told);
  }
  const store = sqlite(path);
  const stored = (await readAll(store, "log")).map(({ commit }) => commit);
  await store.close();
  expect(new Set(stored).size).toBe(stored.length);
  expect(acknowledged.filter((commit) => !stored.includes(commit))).toEqual([]);
  expect(stored.length - acknowledged.length).toBeLessThanOrEqual(5);
});

test("S1 sqlite: of two connections that append on one head, one succeeds and one gets `moved`", async () => {
  const path = newFile();
  const [here, there] = [sqlite(path), sqlite(path)];
  const results = await Promise.all(
    [here, there].map((store, n) => store.append("log", batch(null, { records: recordsAfter(null, [{ commit: n }]) }))),
  );
  expect(results).toEqual([{ kind: "ok" }, { kind: "moved", head: { position: 1, mark: "mark0" } }]);
  expect(await there.head("log")).toEqual(await here.head("log"));
  await here.close();
  await there.close();
});

test(
  "S1 S4 sqlite: appends of two processes all succeed, and a reader sees whole batches only",
  processes,
  async () => {
    const path = newFile();
    const store = sqlite(path);
    const writers = [0, 1].map((n) => appendCommits(path, n * 1_000_000, 60, 3));
    let ended = false;
    // Both have read the same head before one of them appends.
    await Promise.all(writers.map((writer) => writer.opened));
    const allEnded = Promise.all(writers.map((writer) => writer.begin())).then(async () => {
      const codes = await Promise.all(writers.map((writer) => writer.ended));
      ended = true;
      return codes;
    });
    const torn: unknown[] = [];
    while (!ended) {
      const page = await store.read("log", null, ALL);
      const stream = await store.readStream("log", "task/t1", 0, ALL);
      const whole =
        page.kind !== "page" ||
        (page.records.length % 3 === 0 && page.records.at(-1)?.cursor.position === page.head?.position);
      if (!whole || stream.length % 3 !== 0) torn.push({ page, stream });
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(torn).toEqual([]);
    expect(await allEnded).toEqual([0, 0]);
    expect(writers.some(({ moved }) => moved() > 0)).toBe(true); // otherwise the writers never competed
    const records = await readAll(store, "log");
    expect(records.map(({ position }) => position)).toEqual(Array.from({ length: 360 }, (_, n) => n + 1));
    expect(records.map(({ commit }) => commit).toSorted()).toEqual(writers.flatMap(({ told }) => told).toSorted());
    await store.close();
  },
);

test("S2 sqlite: several processes can open the same new file at the same time", processes, async () => {
  for (let round = 0; round < 2; round++) {
    const path = newFile();
    const codes = await Promise.all([0, 1, 2].map((n) => appendCommits(path, n * 1_000, 1).run()));
    expect(codes).toEqual([0, 0, 0]);
  }
});

test("S2 sqlite: after a full disk every call fails until the store is opened again", async () => {
  const path = newFile();
  const database = openDatabase(path);
  const store = sqlEventStore(nodeSql(database));
  let head = await write(store, "log", null, { commit: 0 });
  database.exec("pragma max_page_count = 40"); // SQLite then fails as with a full disk
  let acknowledged = 1;
  const error = await (async () => {
    for (;;) {
      head = await write(store, "log", head, { commit: acknowledged, text: JSON.stringify("x".repeat(9_000)) });
      acknowledged += 1;
    }
  })().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StorageFullError);
  expect(error).toMatchObject({ code: "storage-full", retry: "after-fix" });
  await expectAllToFailWith(store, error);
  await store.close();

  const again = sqlite(path);
  expect(await readAll(again, "log")).toHaveLength(acknowledged);
  await write(again, "log", head, { commit: 999 });
  await again.close();
});

test.skipIf(process.platform === "win32")(
  "S2 sqlite: after a failed write of the disk no append is acknowledged",
  processes,
  async () => {
    const path = newFile();
    // The limit on the size of a file makes write() fail, as a broken disk does.
    const child = appendCommits(path, 0, 1_000_000, 1, "trap '' XFSZ; ulimit -f 400; exec \"$@\"");
    expect(await child.run()).toBe(1);
    expect(child.errors()).toMatch(/StorageLostError: SQLite failed in append: disk I\/O error/);
    const store = sqlite(path);
    const stored = (await readAll(store, "log")).map(({ commit }) => commit);
    expect(stored).toEqual(expect.arrayContaining(child.told));
    await store.close();
  },
);

test("S2 sqlite: after reading a damaged file every call fails with the same error", async () => {
  const path = newFile();
  const first = sqlite(path);
  let head = await write(first, "log", null, { commit: 0 });
  for (let n = 1; n <= 20; n++)
    head = await write(first, "log", head, { commit: n, text: JSON.stringify("x".repeat(3_000)) });
  await first.close();
  const file = openSync(path, "r+");
  for (let page = 8; page < 24; page++) writeSync(file, Buffer.alloc(4_096, 0xee), 0, 4_096, page * 4_096);

  const store = sqlite(path);
  const error = await readAll(store, "log").catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StorageLostError);
  expect(error).toMatchObject({ details: { result: "CORRUPT" }, fix: containing("restore a backup") });
  await expectAllToFailWith(store, error);
  await store.close();
});

test("sqlite: an unusable path throws an error that names it", () => {
  const text = newFile();
  writeFileSync(text, "Dear diary, ".repeat(1_000));
  const directory = newFile();
  mkdirSync(directory);
  const under = `${text}/logs.db`;
  for (const path of [text, directory, under]) {
    expect(() => sqlite(path), path).toThrow(StorageLostError);
    expect(() => sqlite(path), path).toThrow(path === under ? text : path);
  }
  for (const path of ["", "file:logs.db"]) expect(() => sqlite(path)).toThrow(/is not the path of a file/);
});

test("sqlite: a long lock of another process fails one call, and the store continues", async () => {
  const path = newFile();
  const database = openDatabase(path);
  const store = sqlEventStore(nodeSql(database));
  const head = await write(store, "log", null, { commit: 1 });
  database.exec("pragma busy_timeout = 5");
  const other = new DatabaseSync(path);
  other.exec("begin immediate");
  await expect(write(store, "log", head, { commit: 2 })).rejects.toMatchObject({
    code: "storage-lost",
    retry: "later",
    details: { result: "BUSY" },
  });
  expect(await readAll(store, "log")).toHaveLength(1); // readers continue
  other.exec("commit");
  await write(store, "log", head, { commit: 2 });
  other.close();
  await store.close();
});

test("S12 id: a reopened file keeps its id, and two files differ", async () => {
  const [path, other] = [newFile(), newFile()];
  const idOf = async (file: string) => {
    const store = sqlite(file);
    const id = await store.id();
    await store.close();
    return id;
  };
  const id = await idOf(path);
  expect(id).toMatch(/^[0-9a-f]{32}$/);
  expect(await idOf(path)).toBe(id);
  expect(await idOf(other)).not.toBe(id);
});

test("sqlite: refuses a file that a newer Dacapo wrote", async () => {
  const path = newFile();
  await sqlite(path).close();
  const database = new DatabaseSync(path);
  database.exec("update dacapo_layout set version = 7 where part = 'event-store'");
  database.close();
  expect(() => sqlite(path)).toThrow(/layout 7, written by a newer Dacapo\. This version knows layouts up to 3\./);
});

test("S10 sqlite: the next opening finishes a drop that a crash interrupted", async () => {
  const path = newFile();
  const store = sqlite(path);
  await write(store, "log", null, ...Array.from({ length: 1_200 }, (_, commit) => ({ commit })));
  await store.append("log", batch({ position: 1_200, mark: "mark1199" }, { outcomes: [outcome(5_000)] }));
  // The name is gone at once. The rows go step by step after that.
  const dropped = store.drop("log").catch(() => "cut short");
  await store.close();
  expect(await dropped).toBe("cut short");

  const again = sqlite(path);
  expect(await again.head("log")).toEqual({ kind: "gone" });
  const rows = new DatabaseSync(path).prepare(
    `select (select count(*) from dacapo_records) + (select count(*) from dacapo_stream_records) + (select count(*) from dacapo_outcomes) as n`,
  );
  await until(() => rows.get()?.["n"] === 0, "no row is left");
  await again.close();
});

test("S5 read: a cursor beyond the head never reaches a record of the next log", async () => {
  const store = sqlite(":memory:");
  await write(store, "log", null, { commit: 1 });
  await write(store, "next", null, { commit: 2 }, { commit: 3 });
  // The key of a record is its log's id times 100,000,000,000, plus its position.
  const beyond = { position: 100_000_000_001, mark: "mark2" };
  expect(await store.read("log", beyond, ALL)).toEqual({ kind: "diverged", head: { position: 1, mark: "mark1" } });
  expect(await readAll(store, "log")).toHaveLength(1);
  await store.close();
});

test("append: refuses a position for which a key has no room, and the log continues", async () => {
  const store = sqlite(":memory:");
  const head = await write(store, "log", null, { commit: 1, events: 99_999_999_998 });
  const refused = write(store, "log", head, { commit: 2, events: 2 });
  await expect(refused).rejects.toMatchObject({ code: "storage-full", details: { position: 100_000_000_000 } });
  await write(store, "log", head, { commit: 2 });
  expect(await store.head("log")).toEqual({ kind: "open", cursor: { position: 99_999_999_999, mark: "mark2" } });
  await store.close();
});

test("sqlite: records, heads and cursors stay exact when the keys of records exceed 2^53", async () => {
  const path = newFile();
  await sqlite(path).close();
  const database = new DatabaseSync(path);
  database.exec("insert into dacapo_logs (id, name, state) values (90000001, 'other', 'open')");
  database.close();
  const store = sqlite(path);
  const head = await write(store, "log", null, ...Array.from({ length: 9 }, (_, commit) => ({ commit })));
  await write(store, "other", null, { commit: 1 });
  expect(await store.head("log")).toEqual({ kind: "open", cursor: head });
  const [, , third] = await readAll(store, "log");
  expect((await readAll(store, "log", third?.cursor)).map(({ position }) => position)).toEqual([4, 5, 6, 7, 8, 9]);
  expect(await store.readStream("log", "task/t1", 3, ALL)).toHaveLength(6);
  await store.drop("log");
  expect(await readAll(store, "other")).toHaveLength(1);
  await store.close();
});

test("sqlite: creates folders, accepts a path in an object, and ':memory:' stores nothing", async () => {
  const path = `${folder}/new/folders/logs.db`;
  const made = sqlite({ path });
  await write(made, "log", null, { commit: 1 });
  await made.close();
  const again = sqlite(path);
  expect(await again.logs()).toEqual(["log"]);
  await again.close();
  for (let opening = 0; opening < 2; opening++) {
    const memory = sqlite(":memory:");
    expect(await memory.logs()).toEqual([]);
    await write(memory, "log", null, { commit: 1 });
    await memory.close();
  }
});

test("S8 known: finds 500 ids in a long log without a scan of the log", async () => {
  const store = sqlite(newFile());
  let head = null;
  for (let n = 0; n < 40; n++)
    head = await write(store, "log", head, ...Array.from({ length: 500 }, (_, k) => ({ commit: 500 * n + k })));
  const times: number[] = [];
  for (let attempt = 0; attempt < 3; attempt++) {
    const begin = process.cpuUsage();
    const known = await store.known(
      "log",
      Array.from({ length: 500 }, (_, n) => commitId(40 * n)),
    );
    const { user, system } = process.cpuUsage(begin);
    times.push((user + system) / 1_000);
    expect(known.size).toBe(500);
  }
  // Processor time is about 3 ms on any busy machine. A scan of the log takes more than a second.
  expect(Math.min(...times)).toBeLessThan(300);
  await store.close();
});

async function expectAllToFailWith(store: ReturnType<typeof sqlite>, error: unknown): Promise<void> {
  const calls = [
    () => store.head("log"),
    () => store.append("other", batch(null, { records: recordsAfter(null, [{ commit: 1 }]) })),
    () => store.read("log", null, ALL),
    () => store.readStream("log", "task/t1", 0, ALL),
    () => store.known("log", []),
    () => store.logs(),
    () => store.drop("other"),
  ];
  for (const call of calls) expect(await call().catch((thrown: unknown) => thrown)).toBe(error);
}

/** Starts the process of `support/append-commits` through a shell. */
function appendCommits(path: string, first: number, appends: number, recordsEach = 1, shell = 'exec "$@"') {
  const script = fileURLToPath(new URL("../../../support/append-commits.ts", import.meta.url));
  const program = [process.execPath, script, path, first, appends, recordsEach].map(String);
  const child = spawn("sh", ["-c", shell, "sh", ...program], { stdio: ["pipe", "pipe", "pipe"] });
  const told: string[] = [];
  let moved = 0;
  let errors = "";
  child.stderr.on("data", (text) => (errors += String(text)));
  const lines = createInterface({ input: child.stdout });
  const opened = once(lines, "line");
  lines.on("line", (line) => {
    if (line === "moved") moved += 1;
    else if (line !== "open") told.push(line);
  });
  const ended = once(child, "close").then(([code]: unknown[]) => code);
  const begin = async () => {
    await Promise.race([opened, ended]);
    child.stdin.end();
  };
  const run = () => begin().then(() => ended);
  return { process: child, told, moved: () => moved, lines, opened, begin, run, ended, errors: () => errors };
}

// Drills of docs/deploy.md: a backup of a live store, its restore, and devices that send again what was lost.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { isDeepStrictEqual, promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { postgres } from "../../../../src/sync-server/stores/postgres.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { domain, task } from "../../../support/board-domain.ts";
import { device, type Tab, until } from "../../../support/device.ts";
import { readLog } from "../../../support/http-writer.ts";
import { clientPrograms, type PostgresCluster, startPostgres } from "../../../support/postgres-cluster.ts";
import { postgresForTests } from "../../../support/postgres-for-tests.ts";
import { type RunningServer, startServer, temporaryFolder } from "../../../support/server.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

type Drill = {
  readonly open: () => EventStore;
  /** Takes a copy of the store, while the server runs. */
  readonly backup: () => Promise<unknown>;
  /** Puts the copy in the place of the store, while the server is stopped. */
  readonly restore: () => Promise<unknown>;
};

/** Runs a drill with two devices that write before, during and after the copy. */
async function runDrill({ open, backup: copy, restore }: Drill) {
  let server: RunningServer = await startServer({ store: open() });
  ends.push(() => server.close());
  const { url, port } = server;
  const tabs: Tab[] = [];
  for (const user of ["ada", "bob"]) {
    const tab = await device(domain, "board", user).open({ url });
    ends.push(tab.close);
    tabs.push(tab);
  }
  const settled = () => tabs.every((tab) => tab.status().connection === "live" && tab.status().pending === 0);
  let count = 0;
  const write = async () => {
    for (const tab of tabs) await tab.execute([task.command.add(`t${count++}`, { title: "Milk", column: "todo" })]);
  };
  // The copy is taken in the middle of pushes.
  const writing = (async () => {
    for (let n = 0; n < 30; n++) await write();
  })();
  await until(async () => (await readLog(url, "board", "ada")).length > 5, "the first records");
  await copy();
  await writing;
  await write();
  await until(settled, "all work is confirmed");
  const before = await readLog(url, "board", "ada");
  expect(before).toHaveLength(count);

  await server.close();
  await restore();
  server = await startServer({ store: open(), port });
  const restored = await readLog(url, "board", "ada");
  expect(restored.length).toBeLessThan(before.length);
  await until(async () => (await readLog(url, "board", "ada")).length === count, "devices send again");
  await until(settled, "all work is confirmed again");

  const after = await readLog(url, "board", "ada");
  const ids = after.map(({ commit }) => commit);
  return {
    lost: before.filter(({ commit }) => !ids.includes(commit)).length,
    doubled: ids.length - new Set(ids).size,
    restoredRecordsChanged: !isDeepStrictEqual(after.slice(0, restored.length), restored),
    rowsOfDevices: tabs.map((tab) => tab.rows("board").size - count),
    somethingWasSentAgain: tabs.some((tab) => tab.status().sentAgain !== null),
  };
}

/** The result of a drill that lost nothing. */
const NOTHING_LOST = {
  lost: 0,
  doubled: 0,
  restoredRecordsChanged: false,
  rowsOfDevices: [0, 0],
  somethingWasSentAgain: true,
};

async function sqliteDrill(copyTo: (file: string, copy: string) => Promise<unknown>): Promise<Drill> {
  const folder = await temporaryFolder();
  ends.push(folder.remove);
  const [file, copy] = [folder.path("logs.db"), folder.path("backup.db")];
  return {
    open: () => sqlite(file),
    backup: () => copyTo(file, copy),
    restore: async () => {
      for (const part of ["", "-wal", "-shm"]) await rm(`${file}${part}`, { force: true });
      expect(existsSync(`${copy}-wal`)).toBe(false);
      await copyFile(copy, file);
    },
  };
}

describe("sqlite", () => {
  test("restore: after `vacuum into` of a live file, devices send again what the copy lacks", async () => {
    const drill = await sqliteDrill(async (file, copy) => {
      const source = new DatabaseSync(file, { readOnly: true });
      source.prepare("vacuum into ?").run(copy);
      source.close();
    });
    expect(await runDrill(drill)).toEqual(NOTHING_LOST);
  });

  test("restore: after `backup()` of a live file, devices send again what the copy lacks", async () => {
    const drill = await sqliteDrill(async (file, copy) => {
      const source = new DatabaseSync(file, { readOnly: true });
      await backup(source, copy);
      source.close();
    });
    expect(await runDrill(drill)).toEqual(NOTHING_LOST);
  });
});

const programs = clientPrograms();
describe.skipIf(!existsSync(join(programs, "pg_dump")))("postgres", () => {
  const cluster = postgresForTests();

  test("restore: after `pg_dump` of a live database, devices send again what the dump lacks", async () => {
    const folder = await temporaryFolder();
    ends.push(folder.remove);
    const dump = folder.path("logs.dump");
    await cluster.query("create database logs");
    const url = cluster.url.replace(/\/postgres$/, "/logs");
    const run = (program: string, ...args: string[]) => promisify(execFile)(join(programs, program), args);
    const drill: Drill = {
      open: () => postgres({ url, schema: "dacapo" }),
      backup: () => run("pg_dump", "--format=custom", `--file=${dump}`, url),
      restore: async () => {
        await cluster.query("drop database logs with (force)");
        await cluster.query("create database logs");
        await run("pg_restore", "--exit-on-error", "--single-transaction", `--dbname=${url}`, dump);
      },
    };
    expect(await runDrill(drill)).toEqual(NOTHING_LOST);
  });

  // The copy is a whole Postgres, which takes the place of the first one.
  test("restore: after `pg_basebackup` of a live database, devices send again what the copy lacks", async () => {
    let url = cluster.url;
    let copy: PostgresCluster | null = null;
    const drill: Drill = {
      open: () => postgres({ url, schema: "copied" }),
      backup: async () => {
        copy = await startPostgres({ copyOf: cluster.url });
        // It ends after the server and the devices.
        ends.unshift(copy.stop);
      },
      restore: async () => void (url = copy?.url ?? ""),
    };
    expect(await runDrill(drill)).toEqual(NOTHING_LOST);
  });
});

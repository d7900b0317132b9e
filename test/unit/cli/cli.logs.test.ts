// The commands on one store, as real processes on a real SQLite file and a real Postgres.
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { encodeCursor } from "../../../src/core/history/record.ts";
import type { EventStore } from "../../../src/sync-server/stores/event-store.ts";
import { postgres } from "../../../src/sync-server/stores/postgres.ts";
import { sqlite } from "../../../src/sync-server/stores/sqlite.ts";
import { readAll } from "../../../src/testing/event-store/samples.ts";
import { printed, resultOf, runCli, startCli } from "../../support/cli.ts";
import { task } from "../../support/board-domain.ts";
import { containing } from "../../support/matchers.ts";
import { postgresForTests } from "../../support/postgres-for-tests.ts";
import { temporaryFolder } from "../../support/server.ts";
import { person, testServer } from "../../support/sync-requests.ts";

type Event = {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly cursor: string | null;
};
type Place = { readonly url: string; readonly open: () => EventStore };

const domainFile = fileURLToPath(new URL("../../support/board-domain.ts", import.meta.url));
const cleanUp: (() => Promise<unknown>)[] = [];
const cluster = postgresForTests();
let schemas = 0;
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function newFolder() {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  return folder;
}

async function inFile(): Promise<Place> {
  const path = (await newFolder()).path("logs.db");
  return { url: `sqlite:${path}`, open: () => sqlite(path) };
}

async function inPostgres(): Promise<Place> {
  const schema = `cli_${++schemas}`;
  return { url: `${cluster.url}?schema=${schema}`, open: () => postgres({ url: cluster.url, schema }) };
}

/** Two logs, one with a rejection, and a dropped name. */
async function written({ open }: Place): Promise<void> {
  const store = open();
  const server = testServer({ store });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  await ada.push(
    Array.from({ length: 9 }, (_, n) => ada.commit(task.command.add(`t${n}`, { title: `Milk ${n}`, column: "todo" }))),
  );
  await bob.push([
    bob.commit(
      { ...task.command.rename("t1", { title: "Bread" }), seen: 1 },
      { ...task.command.note("t1", { text: "\u001b[31mred" }), seen: 1 },
    ),
    bob.commit(task.command.rename("none", { title: "x" })),
  ]);
  const kitchen = person(server, "ada", { log: "kitchen" });
  await kitchen.push([kitchen.commit(task.command.add("t1", { title: "Salt", column: "todo" }))]);
  await server.drop("old");
  await server.close();
}

describe.each([
  ["sqlite", inFile],
  ["postgres", inPostgres],
])("dacapo on %s", (_, newPlace) => {
  test("logs: lists the logs with their events, and dropped names on request", async () => {
    const place = await newPlace();
    await written(place);
    const plain = await runCli(["logs", "--store", place.url]);
    expect([plain.code, plain.stdout]).toEqual([0, "events  log\n    11  board\n     1  kitchen\n"]);
    // The variable keeps a password out of the list of processes.
    const { json } = await runCli(["logs", "--dropped", "--json"], { env: { DACAPO_STORE: place.url } });
    expect(json()).toMatchObject([
      { log: "board", state: "open", events: 11 },
      { log: "kitchen", state: "open", events: 1 },
      { log: "old", state: "dropped", events: 0 },
    ]);
  });

  test("events: prints a log, a stream, or the events behind a position or a cursor", async () => {
    const place = await newPlace();
    await written(place);
    const events = async (...args: string[]) =>
      (await runCli(["events", "board", "--store", place.url, "--json", ...args])).json<Event>();
    const all = await events();
    expect(all.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(await events("--stream", "task/t1")).toEqual(all.filter(({ stream }) => stream === "task/t1"));
    expect(await events("--stream", "task/t1", "--after", "10")).toEqual(all.slice(10));
    expect(await events("--after", "4", "--limit", "3")).toEqual(all.slice(4, 7));
    expect(all.map(({ cursor }) => cursor !== null)).toEqual([...Array.from({ length: 9 }, () => true), false, true]);
    expect(await events("--after", all[8]?.cursor ?? "")).toEqual(all.slice(9));
    const wrong = await runCli(["events", "board", "--store", place.url, "--after", "9-other"]);
    expect(wrong).toMatchObject({ code: 2, stderr: containing("does not contain the cursor 9-other") });
    // Text for people: no control character of an event reaches the terminal.
    const { stdout } = await runCli(["events", "board", "--store", place.url, "--after", "9"]);
    expect(stdout).toContain(`  bob  task/t1 v2  TaskRenamed {"title":"Bread"}\n`);
    expect(stdout).not.toContain("\u001b");
  });

  test("events --follow: prints new events of another process, and Ctrl-C ends it with 0", async () => {
    const place = await newPlace();
    await written(place);
    const child = startCli(["events", "board", "--store", place.url, "--follow", "--after", "11"]);
    const result = resultOf(child);
    const store = place.open();
    const server = testServer({ store });
    const ada = person(server, "ada");
    const arrived = printed(child, /TaskAdded \{"title":"later"/);
    await ada.push([ada.commit(task.command.add("new", { title: "later", column: "todo" }))]);
    await arrived;
    await server.close();
    child.kill("SIGINT");
    const { code, stdout } = await result;
    expect([code, stdout.split("\n").length]).toEqual([0, 2]);
  });

  test("export, import: a file or its parts make the same log in another store, also twice", async () => {
    const [place, target, other] = [await newPlace(), await newPlace(), await newPlace()];
    await written(place);
    const folder = await newFolder();
    const whole = folder.path("board.ndjson");
    expect(await runCli(["export", "board", "--store", place.url, "--out", whole])).toMatchObject({
      code: 0,
      stdout: `${whole}\n`,
    });
    const { stdout } = await runCli(["export", "board", "--store", place.url]);
    expect(await readFile(whole, "utf8")).toBe(stdout);
    expect(stdout).toContain('{"outcome":{"commit"');
    const again = await runCli(["export", "board", "--store", place.url, "--out", whole]);
    expect(again).toMatchObject({ code: 1, stderr: containing("exists already") });

    for (let n = 0; n < 2; n++)
      expect(await runCli(["import", whole, "--store", target.url])).toMatchObject({
        code: 0,
        stdout: "board has 11 events of the archive.\n",
      });
    expect(await runCli(["import", "-", "--store", other.url], { input: stdout })).toMatchObject({ code: 0 });
    for (const { open } of [target, other]) {
      const [one, two] = [place.open(), open()];
      expect(await readAll(two, "board")).toEqual(await readAll(one, "board"));
      expect(await two.outcomes("board", null, 10)).toEqual(await one.outcomes("board", null, 10));
      await Promise.all([one.close(), two.close()]);
    }
    const cutFile = folder.path("cut.ndjson");
    await writeFile(cutFile, stdout.slice(0, stdout.length / 2));
    const third = await newPlace();
    const cut = await runCli(["import", cutFile, "--store", third.url]);
    expect(cut).toMatchObject({ code: 1, stderr: containing("The log board cannot be imported") });
    expect((await runCli(["logs", "--store", third.url])).stdout).toBe("");
    await writeFile(cutFile, Buffer.from([0x1f, 0x8b, 0xff, 0xfe]));
    expect(await runCli(["import", cutFile, "--store", third.url])).toMatchObject({
      code: 1,
      stderr: containing("not a text in UTF-8"),
    });
  });

  test("drop: deletes a log for good, and only with --yes", async () => {
    const place = await newPlace();
    await written(place);
    const asked = await runCli(["drop", "board", "--store", place.url]);
    expect(asked).toMatchObject({
      code: 2,
      stderr: containing("delete the log board with 11 events for good"),
    });
    expect(await runCli(["drop", "board", "--store", place.url, "--yes"])).toMatchObject({
      code: 0,
      stdout: "Dropped board with 11 events.\n",
    });
    expect(await runCli(["events", "board", "--store", place.url])).toMatchObject({
      code: 1,
      stderr: containing("was dropped for good"),
    });
  });

  test("verify: a sound store is folded with the domain, and ends with 0", async () => {
    const place = await newPlace();
    await written(place);
    const plain = await runCli(["verify", "--store", place.url]);
    expect(plain).toMatchObject({
      code: 0,
      stdout:
        "board is sound: 11 events, 9 streams, 1 kept outcome.\n" +
        "kitchen is sound: 1 event, 1 stream, 0 kept outcomes.\n",
    });
    const { code, json } = await runCli(["verify", "board", "--store", place.url, "--domain", domainFile, "--json"]);
    expect([code, json()]).toMatchObject([0, [{ log: "board", ok: true, rows: { board: 9, "column-counts": 1 } }]]);
  });
});

test("export --part-mb: writes files of parts, which import takes in their order", async () => {
  const [place, target, folder] = [await inFile(), await inFile(), await newFolder()];
  const store = place.open();
  const server = testServer({ store });
  const ada = person(server, "ada");
  const title = "Milk ".repeat(39);
  for (let n = 0; n < 40; n++)
    await ada.push(
      Array.from({ length: 100 }, (_, k) => ada.commit(task.command.add(`t${n}-${k}`, { title, column: "todo" }))),
    );
  await server.close();
  const args = ["export", "board", "--store", place.url, "--part-mb", "1", "--out"];
  const { json } = await runCli([...args, folder.path("board.ndjson"), "--json"]);
  const files = json<{ readonly file: string }>().map(({ file }) => file);
  expect(files.length).toBeGreaterThan(1);
  expect(files[1]).toBe(folder.path("board.2.ndjson"));
  expect((await readdir(folder.path("."))).sort()).toEqual(files.map((file) => basename(file)).sort());
  const first = await runCli(["import", files[0] ?? "", "--store", target.url]);
  expect(first).toMatchObject({ code: 0, stdout: containing("The next part begins at ") });
  expect((await runCli(["logs", "--store", target.url])).stdout).toContain("importing");
  expect(await runCli(["import", ...files, "--store", target.url])).toMatchObject({ code: 0 });
  expect((await runCli(["logs", "--store", target.url])).stdout).toBe("events  log\n 4,000  board\n");
});

test("verify: names the damage of a log and the events that it cannot fold, and ends with 1", async () => {
  const place = await inFile();
  await written(place);
  const store = place.open();
  const records = (await readAll(store, "board")).map((record) => ({
    ...record,
    text: record.text
      .replace("TaskRenamed", "TaskUnheardOf")
      .replace(/("stream":"task\/t2","version":)1/, (_, field: string) => `${field}2`),
  }));
  const damaged = { expected: null, records, outcomes: [], forgetOutcomesBefore: 0, outcomesPerActorMax: 10 };
  expect(await store.append("damaged", damaged)).toEqual({ kind: "ok" });
  await store.close();
  const { code, stdout, stderr } = await runCli(["verify", "--store", place.url, "--domain", domainFile]);
  expect(code).toBe(1);
  expect(stdout).toContain("board is sound");
  expect(stdout).toMatch(/^damaged has \d problems: /m);
  expect(stderr).toContain("Version 2 of task/t2 at position 3 does not follow version 0");
  expect(stderr).toContain("TaskUnheardOf");
});

test("events: ends quietly if its reader closes the pipe", async () => {
  const place = await inFile();
  const store = place.open();
  const server = testServer({ store });
  const ada = person(server, "ada");
  for (let n = 0; n < 20; n++)
    await ada.push(
      Array.from({ length: 100 }, (_, k) =>
        ada.commit(task.command.add(`t${n}-${k}`, { title: "Milk", column: "todo" })),
      ),
    );
  const head = (await readAll(store, "board")).at(-1)?.cursor;
  expect(head && encodeCursor(head)).toMatch(/^2000-/);
  await server.close();
  const child = startCli(["events", "board", "--store", place.url]);
  let stderr = "";
  child.stderr?.on("data", (chunk) => (stderr += String(chunk)));
  child.stdout?.once("data", () => child.stdout?.destroy());
  await once(child, "close");
  expect([child.exitCode, stderr]).toEqual([0, ""]);
});

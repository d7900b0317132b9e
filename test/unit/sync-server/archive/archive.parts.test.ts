// The operator's archive: kept outcomes, parts, and imports that continue after a crash.
import { afterEach, describe, expect, test } from "vitest";
import { archivePieces } from "../../../../src/sync-server/archive/archive-pieces.ts";
import { importLog } from "../../../../src/sync-server/archive/import-log.ts";
import { parseArchive } from "../../../../src/core/wire/archive.ts";
import { encodeCursor } from "../../../../src/core/history/record.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { postgres } from "../../../../src/sync-server/stores/postgres.ts";
import { batch, commitId, outcome, readAll, write } from "../../../../src/testing/event-store/samples.ts";
import { task } from "../../../support/board-domain.ts";
import { containing } from "../../../support/matchers.ts";
import { postgresForTests } from "../../../support/postgres-for-tests.ts";
import { sqliteFile } from "../../../support/sqlite-file.ts";
import { person, testServer } from "../../../support/sync-requests.ts";

const PAGE = { events: 4, bytes: 100_000 };
const cleanUp: (() => Promise<void>)[] = [];
const cluster = postgresForTests();
let schemas = 0;
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function inFile(): Promise<EventStore> {
  const file = await sqliteFile();
  const store = file.open();
  cleanUp.push(file.remove, () => store.close());
  return store;
}

function inPostgres(): Promise<EventStore> {
  const store = postgres({ url: cluster.url, schema: `parts_${++schemas}` });
  cleanUp.push(() => store.close());
  return Promise.resolve(store);
}

/** A log with accepted and rejected commits, and its parts of about three records. */
async function writtenLog() {
  const store = memory();
  const server = testServer({ store });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  await ada.push(
    Array.from({ length: 40 }, (_, n) => ada.commit(task.command.add(`t${n}`, { title: "Milk", column: "todo" }))),
  );
  const rejected = bob.commit(task.command.rename("none", { title: "x \u2028" }));
  const empty = ada.commit(task.command.complete("none"));
  const answers = [...(await bob.outcomes(rejected)), ...(await ada.outcomes(empty))];
  expect(answers).toMatchObject([{ outcome: "rejected" }, { outcome: "empty" }]);
  return { store, ada, bob, rejected, empty, answers, parts: await partsOf(store, 2_000) };
}

async function partsOf(store: EventStore, partBytes?: number): Promise<string[]> {
  const parts: string[] = [];
  const options = { page: PAGE, hasOutcomes: true, ...(partBytes !== undefined && { partBytes }) };
  for await (const { part, text } of archivePieces(store, "board", options)) parts[part] = (parts[part] ?? "") + text;
  return parts;
}

const recordText = JSON.stringify({
  position: 1,
  mark: "mark1",
  commit: commitId(1),
  client: commitId(2),
  actor: "ann",
  time: 1,
  received: 1,
  meta: null,
  events: [{ type: "TaskCompleted", v: 1, stream: "task/t1", version: 1, data: {} }],
});

const linesOf = (text: string | undefined) => (text ?? "").split("\n");

/** The lines up to a crash of the importing process. */
function* untilCrash(lines: readonly string[], count: number): Generator<string> {
  yield* lines.slice(0, count);
  throw new Error("crash");
}

describe.each([
  ["memory", () => Promise.resolve(memory())],
  ["sqlite", inFile],
  ["postgres", inPostgres],
])("import in parts with the %s store", (_, makeStore) => {
  test("import: with its outcomes, a log answers each repeated commit exactly as before", async () => {
    const { store, ada, bob, rejected, empty, answers } = await writtenLog();
    const [archive] = await partsOf(store);
    const target = await makeStore();
    const server = testServer({ store: target });
    await server.importLog("board", linesOf(archive));
    expect(await partsOf(target)).toEqual([archive]);
    const [newAda, newBob] = [
      person(server, "ada", { client: ada.client }),
      person(server, "bob", { client: bob.client }),
    ];
    expect([...(await newBob.outcomes(rejected)), ...(await newAda.outcomes(empty))]).toEqual(answers);
    expect(await readAll(target, "board")).toEqual(await readAll(store, "board"));
  });

  test("A1 A2 importLog: parts come in order, each twice, and the log is absent until the last", async () => {
    const { store, parts } = await writtenLog();
    expect(parts.length).toBeGreaterThan(4);
    const target = await makeStore();
    const server = testServer({ store: target });
    for (const [n, part] of parts.entries()) {
      expect(await target.head("board")).toEqual({ kind: "absent" });
      const first = await server.importLog("board", linesOf(part));
      expect(first.isComplete).toBe(n === parts.length - 1);
      expect(await server.importLog("board", linesOf(part))).toEqual(first);
    }
    expect(await partsOf(target)).toEqual(await partsOf(store));
    expect(await target.logs()).toEqual(["board"]);
    // An early part again changes nothing either, also after the log has new records.
    await person(server, "ada").push([
      person(server, "ada").commit(task.command.add("new", { title: "x", column: "y" })),
    ]);
    const before = await readAll(target, "board");
    for (const part of parts) expect(await server.importLog("board", linesOf(part))).toMatchObject({ events: 40 });
    expect(await readAll(target, "board")).toEqual(before);
  });

  test("A2 importLog: after a crash at any line, the same archive continues to the same log", async () => {
    const { store } = await writtenLog();
    const [archive = ""] = await partsOf(store);
    const lines = linesOf(archive);
    const target = await makeStore();
    for (const count of [0, 1, 2, 20, 41, 42, 43]) {
      await expect(importLog(target, "board", untilCrash(lines, count))).rejects.toThrow("crash");
      expect(await target.head("board")).toEqual({ kind: "absent" });
    }
    expect(await importLog(target, "board", lines)).toMatchObject({ records: 40, events: 40, isComplete: true });
    expect(await partsOf(target)).toEqual([archive]);
  });
});

test("A2 importLog: a part that is missing is refused, with the place where it begins", async () => {
  const { parts } = await writtenLog();
  const target = memory();
  await expect(importLog(target, "board", linesOf(parts[1]))).rejects.toMatchObject({
    code: "concurrency",
    fix: containing("the beginning"),
  });
  const { cursor } = await importLog(target, "board", linesOf(parts[0]));
  await expect(importLog(target, "board", linesOf(parts[3]))).rejects.toMatchObject({
    code: "concurrency",
    message: containing("A part of the log board is missing"),
    details: { cursor },
  });
});

test("A2 importLog: outcomes are cut into parts too, and a missing part of them is refused", async () => {
  const store = memory();
  const head = await write(store, "board", null, { commit: 1, text: recordText });
  const kept = Array.from({ length: 950 }, (_, n) => outcome(n + 10));
  await store.append("board", batch(head, { outcomes: kept }));
  const parts = await partsOf(store, 20_000);
  expect(parts.length).toBeGreaterThan(3);
  expect(parts.every((part) => part.length < 40_000)).toBe(true);

  const target = memory();
  await importLog(target, "board", linesOf(parts[0]));
  await expect(importLog(target, "board", linesOf(parts.at(-1)))).rejects.toMatchObject({ code: "concurrency" });
  expect(await target.head("board")).toEqual({ kind: "absent" });
  for (const part of parts.flatMap((one) => [one, one])) await importLog(target, "board", linesOf(part));
  expect(await target.outcomes("board", null, 10_000)).toEqual(await store.outcomes("board", null, 10_000));
  expect(await partsOf(target, 20_000)).toEqual(parts);
});

test("A3 importLog: a part of another history or with a changed outcome is refused", async () => {
  const { store, parts } = await writtenLog();
  const target = memory();
  await importLog(target, "board", linesOf(parts[0]));
  const wrong = parts[1]?.replace(/"after":"(\d+)-\w+"/, '"after":"$1-other"');
  await expect(importLog(target, "board", linesOf(wrong))).rejects.toMatchObject({ code: "invalid" });
  const [archive = ""] = await partsOf(store);
  const changes: readonly (readonly [RegExp, string])[] = [
    [/"outcome\\":\\"empty/, '"outcome\\":\\"recorded'],
    [/"received":\d+(?=,"text)/, '"received":"today"'],
    [/"text":"\{/, '"text":"'],
    [/"outcomes":2/, '"outcomes":3'],
  ];
  for (const [from, to] of changes) {
    const changed = archive.replace(from, to);
    expect(changed).not.toBe(archive);
    const other = memory();
    await expect(importLog(other, "board", linesOf(changed)), to).rejects.toMatchObject({ code: "invalid" });
    expect(await other.logs()).toEqual([]);
  }
});

test("A3 importLog: an archive of a newer Dacapo is refused with both versions", async () => {
  const newer = '{"dacapo":"log","v":3,"log":"board","cursor":null,"after":null}\n{"end":{}}';
  await expect(importLog(memory(), "board", linesOf(newer))).rejects.toMatchObject({
    code: "invalid",
    message: containing("version 3 of a newer Dacapo. This one reads versions up to 2"),
  });
});

test("A4 export: a reader gets no kept outcomes, and a device ignores them in an archive", async () => {
  const { store, ada } = await writtenLog();
  const [archive = ""] = await partsOf(store);
  expect(archive).toContain('{"outcome":');
  expect(await (await ada.request("export")).text()).not.toContain('"outcome"');
  const read = parseArchive(linesOf(archive));
  expect(read.ok && [read.value.records.length, read.value.own.length]).toEqual([40, 0]);
  const [part] = await partsOf(store, 2_000);
  expect(parseArchive(linesOf(part))).toMatchObject({
    ok: false,
    problem: { reason: containing("one part of a log") },
  });
});

test("importLog: appends are small, whatever the size of the archive", async () => {
  const source = memory();
  const text = JSON.stringify("x".repeat(100_000));
  let head = null;
  for (let n = 0; n < 5; n++)
    head = await write(source, "board", head, ...Array.from({ length: 1_000 }, (_, k) => ({ commit: 1_000 * n + k })));
  await source.append(
    "board",
    batch(head, { outcomes: Array.from({ length: 50 }, (_, n) => outcome(9_000 + n, { text })) }),
  );
  const { LogIntake } = await import("../../../../src/sync-server/archive/log-intake.ts");
  const target = memory();
  const sizes: number[] = [];
  const append = target.append.bind(target);
  target.append = (log, given) => {
    sizes.push([...given.records, ...given.outcomes].reduce((sum, one) => sum + one.text.length, 0));
    return append(log, given);
  };
  const intake = await LogIntake.stage({ store: target, log: "board", source: "test" });
  for (const record of await readAll(source, "board")) await intake.addRecord(record);
  for (const one of await source.outcomes("board", null, 100)) await intake.addOutcome(one);
  await intake.finish();
  expect(Math.max(...sizes)).toBeLessThan(1_200_000);
  expect(sizes.length).toBeGreaterThan(5);
  expect(await readAll(target, "board")).toEqual(await readAll(source, "board"));
  expect(encodeCursor(head ?? { position: 1, mark: "none" })).toBe("5000-mark4999");
});

test("drop: deletes the records of an unfinished import too", async () => {
  const { parts } = await writtenLog();
  const store = memory();
  const server = testServer({ store });
  await server.importLog("board", linesOf(parts[0]));
  expect(await store.logs()).toHaveLength(1);
  await server.drop("board");
  expect(await store.logs()).toEqual([]);
});

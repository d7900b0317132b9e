// A log as a file: a reader exports it, an operator imports it, and devices continue at their cursors.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, describe, expect, test } from "vitest";
import { parseArchive } from "../../../../src/core/wire/archive.ts";
import type { SyncServer } from "../../../../src/sync-server/app.ts";
import { runtimeEnv } from "../../../../src/sync-server/base/env.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { task } from "../../../support/board-domain.ts";
import { person, testServer } from "../../../support/sync-requests.ts";
import { containing } from "../../../support/matchers.ts";

const add = (id: string, title = "Milk") => task.command.add(id, { title, column: "todo" });
const exported = async (server: SyncServer, actor = "ada", log = "board") =>
  (await person(server, actor, { log }).request("export")).text();
const linesOf = (text: string) => text.split("\n");
const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function sqliteFile(): Promise<EventStore> {
  const folder = await mkdtemp(join(tmpdir(), "dacapo-"));
  const store = sqlite(join(folder, "logs.db"));
  cleanUp.push(
    () => rm(folder, { recursive: true, force: true }),
    () => store.close(),
  );
  return store;
}

/** A server with a log of several pages: accepted, clamped and rejected commits of two actors. */
async function writtenServer(store: EventStore) {
  const server = testServer({ store, limits: { frameBytesMax: 2_000 } });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  await ada.push([
    ...Array.from({ length: 30 }, (_, n) => ada.commit(add(`t${n}`))),
    { ...ada.commit(add("late")), time: Date.now() + 10 * 365 * 86_400_000 },
  ]);
  await bob.push([
    bob.commit(task.command.rename("t1", { title: 'Brot \u{1F35E} " \\ \u2028' })),
    bob.commit(task.command.rename("none", { title: "x" })),
  ]);
  return { server, ada, bob };
}

describe.each([
  ["memory", () => Promise.resolve(memory())],
  ["sqlite", sqliteFile],
])("export and import with the %s store", (_, makeStore) => {
  test("import: the log is the same byte for byte, and devices continue at their cursors", async () => {
    const { server, ada, bob } = await writtenServer(await makeStore());
    const { cursor, head } = await ada.pull();
    const archive = await exported(server);
    const other = testServer({ store: await makeStore() });
    expect(await other.importLog("board", linesOf(archive))).toEqual({
      records: 32,
      events: 32,
      cursor: `${cursor?.position}-${cursor?.mark}`,
      isComplete: true,
    });
    expect(await exported(other)).toBe(archive);
    expect(archive).toContain('"clamped":true');

    const again = person(other, "ada", { client: ada.client });
    const early = (await ada.pull()).records[4];
    expect(await again.pull(early ? { position: 5, mark: early.mark } : null)).toMatchObject({
      after: { position: 5 },
      head,
    });
    const commit = again.commit({ ...task.command.rename("t1", { title: "Bread" }), seen: 2 });
    expect(await again.push([commit], cursor)).toMatchObject({
      outcomes: [{ outcome: "recorded" }],
      after: cursor,
      records: [{ position: 33, events: [{ stream: "task/t1", version: 3 }] }],
    });
    // The log knows its settled commits by their ids.
    const known = (await bob.pull()).records[0];
    expect(await again.outcomes({ ...again.commit(add("t0")), id: known?.commit })).toMatchObject([
      { outcome: "recorded", at: { position: 1 } },
    ]);
  });

  test("import: never changes a log with records, with one of its ids, or a deleted name", async () => {
    const { server, ada: author } = await writtenServer(await makeStore());
    const archive = linesOf(await exported(server));
    const store = await makeStore();
    const other = testServer({ store });
    const ada = person(other, "ada");
    const [imported] = (await author.pull()).records;
    await ada.push([{ ...ada.commit(task.command.rename("none", { title: "x" })), id: imported?.commit }]);
    await expect(other.importLog("board", archive)).rejects.toMatchObject({
      code: "concurrency",
      retry: "after-fix",
      message: "The log board already exists",
    });
    expect(await ada.pull()).toMatchObject({ head: 0, records: [] });
    await ada.push([ada.commit(add("mine"))]);
    await expect(other.importLog("board", archive)).rejects.toMatchObject({ code: "concurrency" });
    expect(await ada.pull()).toMatchObject({ head: 1, records: [{ events: [{ stream: "task/mine" }] }] });
    await other.drop("board");
    await expect(other.importLog("board", archive)).rejects.toMatchObject({
      code: "gone",
      retry: "never",
      message: "The log board was deleted for good",
    });
  });

  test("import: a log with only kept rejections accepts it, and the rejections stay", async () => {
    const { server } = await writtenServer(await makeStore());
    const archive = await exported(server);
    const other = testServer({ store: await makeStore(), permit: (_, { action }) => action === "read" });
    const ada = person(other, "ada");
    const commit = ada.commit(add("mine"));
    const [rejection] = await ada.outcomes(commit);
    expect(rejection).toMatchObject({ outcome: "rejected", code: "forbidden" });
    expect(await other.importLog("board", linesOf(archive))).toMatchObject({ records: 32 });
    expect(await exported(other)).toBe(archive);
    expect(await ada.outcomes(commit)).toEqual([rejection]);
  });

  test("import: kept rejections do not block imported records with the same ids", async () => {
    const { server, ada: author } = await writtenServer(await makeStore());
    const archive = await exported(server);
    const other = testServer({
      store: await makeStore(),
      permit: ({ actor }, { action }) => action === "read" || actor !== "bob",
    });
    const [ada, bob] = [person(other, "ada"), person(other, "bob")];
    const hers = (await author.pull()).records.find(({ actor }) => actor === "ada");
    const his = { ...bob.commit(add("mine")), id: hers?.commit };
    const [rejection] = await bob.outcomes(his);
    expect(rejection).toMatchObject({ outcome: "rejected", code: "forbidden" });
    expect(await other.importLog("board", linesOf(archive))).toMatchObject({ records: 32 });
    expect(await exported(other)).toBe(archive);
    expect(await bob.outcomes(his)).toEqual([rejection]);
    expect(await ada.outcomes({ ...ada.commit(add("t0")), id: hers?.commit })).toMatchObject([{ outcome: "recorded" }]);
  });

  test("import: an archive cut short, changed or of another log leaves nothing behind", async () => {
    const { server } = await writtenServer(await makeStore());
    const archive = linesOf((await exported(server)).trimEnd());
    const store = await makeStore();
    const other = testServer({ store });
    const renamed = (line: string | undefined) =>
      line?.replace('"stream":"task/t1","version":2', '"stream":"task/t1","version":3') ?? "";
    const broken: readonly (readonly [string, readonly string[]])[] = [
      ["no end", archive.slice(0, -1)],
      ["no header", archive.slice(1)],
      ["a record short", archive.toSpliced(3, 1)],
      ["a record twice", archive.toSpliced(3, 0, archive[3] ?? "")],
      ["two records changed places", archive.toSpliced(3, 2, archive[4] ?? "", archive[3] ?? "")],
      ["a version that does not follow", archive.map((line) => renamed(line))],
      [
        "an id twice",
        archive.toSpliced(
          3,
          1,
          archive[3]?.replace(/"commit":"[^"]+"/, /"commit":"[^"]+"/.exec(archive[2] ?? "")?.[0] ?? "") ?? "",
        ),
      ],
      ["a forged key", archive.toSpliced(3, 1, archive[3]?.replace('"data":{', '"data":{"__proto__":{"a":1},') ?? "")],
      ["text behind the end", [...archive, archive[1] ?? ""]],
      ["nothing", []],
    ];
    for (const [what, lines] of broken)
      await expect(other.importLog("board", lines), what).rejects.toMatchObject({ code: "invalid" });
    await expect(other.importLog("kitchen", archive)).rejects.toMatchObject({
      code: "invalid",
      message: containing("of the log board"),
    });
    await expect(other.importLog("../board", archive)).rejects.toMatchObject({ code: "invalid" });
    expect(await store.logs()).toEqual([]);
    await other.importLog("board", archive);
    expect(await store.logs()).toEqual(["board"]);
  });
});

test("import: a stream and a text are cut at line feeds only, so a text may contain U+2028", async () => {
  const { server } = await writtenServer(memory());
  const ada = person(server, "ada");
  await ada.push([ada.commit(add("lines", "one\u2028two\u2029three\u0085four"))]);
  const archive = await exported(server);
  expect(archive).toContain("\u2028");
  const bytes = Readable.from(Array.from(Buffer.from(archive), (byte) => Buffer.of(byte)));
  for (const given of [archive, new Blob([archive]).stream(), linesOf(archive), bytes]) {
    const other = testServer();
    expect(await other.importLog("board", given)).toMatchObject({ records: 33 });
    expect(await exported(other)).toBe(archive);
  }
});

test("export: checks the right to read, and answers 410 for a deleted log", async () => {
  const server = testServer({ permit: ({ actor }) => actor === "ada" });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  await ada.push([ada.commit(add("t1"))]);
  const [there, notThere] = [
    await bob.request("export"),
    await person(server, "bob", { log: "nothing" }).request("export"),
  ];
  expect([there.status, await there.text()]).toEqual([403, await notThere.text()]);
  expect((await server.request("/logs/board/export")).status).toBe(401);
  const empty = await person(server, "ada", { log: "nothing" }).request("export");
  expect([empty.status, empty.headers.get("content-type"), empty.headers.get("cache-control")]).toEqual([
    200,
    "application/x-ndjson",
    "no-store",
  ]);
  expect(parseArchive(linesOf(await empty.text()))).toMatchObject({
    ok: true,
    value: { log: "nothing", cursor: null, records: [], own: [] },
  });
  await server.drop("board");
  expect((await ada.request("export")).status).toBe(410);
});

test("export: reads a page only when its reader wants it, up to the end at the beginning", async () => {
  const store = memory();
  const { server, ada } = await writtenServer(store);
  let reads = 0;
  const read = store.read.bind(store);
  store.read = (...facts) => {
    reads++;
    return read(...facts);
  };
  const { body } = await ada.request("export");
  const reader = body?.getReader();
  await reader?.read();
  await ada.push([ada.commit(add("meanwhile"))]);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(reads).toBeLessThan(4);
  let text = "";
  for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read())
    text += new TextDecoder().decode(piece.value);
  expect(text).not.toContain("meanwhile");
  expect(text.trimEnd().split("\n").at(-1)).toBe('{"end":{"records":32,"own":0}}');
  expect(reads).toBeGreaterThan(5);
  expect(await exported(server)).toContain("meanwhile");
});

test("export: is cut short if the log is replaced or the right to read ends", async () => {
  let now = Date.now();
  let allowed = true;
  const store = memory();
  await writtenServer(store);
  const reported: unknown[] = [];
  const server = testServer({
    store,
    limits: { frameBytesMax: 2_000 },
    permit: () => allowed,
    env: { ...runtimeEnv, now: () => now },
    onError: (error) => reported.push(error),
  });
  const ada = person(server, "ada");
  const losing = (await ada.request("export")).body?.getReader();
  await losing?.read();
  allowed = false;
  now += 50_000;
  await expect(
    (async () => {
      while (!(await losing?.read())?.done);
    })(),
  ).rejects.toThrow("cut short");
  expect(reported).toEqual([]);
  allowed = true;
  const replaced = (await ada.request("export")).body?.getReader();
  await replaced?.read();
  await store.drop("board");
  await expect(
    (async () => {
      while (!(await replaced?.read())?.done);
    })(),
  ).rejects.toThrow("cut short");
  expect(String(reported)).toContain("changed under its export");
});

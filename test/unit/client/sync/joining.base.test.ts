// The decision to join from a base, and the checks of it, on an engine without network and timers.
import { expect, test } from "vitest";
import { type PackedTable, packTables, tableNames, textHash } from "../../../../src/core/fold/packed-tables.ts";
import { type Cursor, cursorOf, sameCursor } from "../../../../src/core/history/record.ts";
import { Replica } from "../../../../src/core/replica/replica.ts";
import type { BaseHeader, Outcome } from "../../../../src/core/wire/messages.ts";
import type { LogStore } from "../../../../src/client/stores/log-store.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import { Joining } from "../../../../src/client/sync/joining.ts";
import { dropConfirmed, resolveDivergence } from "../../../../src/client/sync/resolve-divergence.ts";
import type { Transport } from "../../../../src/client/sync/transport.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { openTab } from "../../../support/engine/open-tab.ts";
import { RecordingServer } from "../../../support/engine/recording-server.ts";

const JOINS_MAX = 3;
const newDatabase = () => new MemoryDatabase(() => crypto.randomUUID());
const add = (id: string) => task.command.add(id, { title: id, column: "todo" });
const unused = () => Promise.reject(new Error("Only the base and its pages are read"));
const bytesOf = (text: string) => new TextEncoder().encode(text).byteLength;

type Changes = {
  readonly header?: (header: BaseHeader) => BaseHeader;
  readonly page?: (text: string, n: number) => string | null;
  readonly store?: (inner: LogStore) => Partial<LogStore>;
  readonly hasBase?: boolean;
};

/** A server with six records and a base at the third one, in two pages, and a device that has no record. */
async function scene({ header = (one) => one, page = (text) => text, store, hasBase = true }: Changes = {}) {
  const server = new RecordingServer();
  const bob = await openTab(domain, newDatabase(), { user: "bob" });
  for (let n = 0; n < 6; n++) await bob.engine.execute([add(`t${n}`)], null);
  await server.sync(bob.engine);
  const records = [...server.records];
  const replica = new Replica(domain.definition);
  replica.apply(records.slice(0, 3), 0);
  const cursor = replica.cursor ?? expect.fail("no cursor");
  const [first, ...others] = packTables(domain.definition, replica.confirmed);
  const textOf = (tables: readonly PackedTable[]) =>
    JSON.stringify(tables.flatMap(({ table, buckets }) => buckets.map(({ bucket, text }) => [table, bucket, text])));
  const texts = [textOf(first ? [first] : []), textOf(others)];
  const pages = texts.map((text) => ({ bytes: bytesOf(text), hash: textHash(text) }));
  const answer: BaseHeader = { cursor, tables: [...tableNames(domain.definition).values()], pages };
  const calls: string[] = [];
  const transport: Transport = {
    push: unused,
    info: unused,
    live: () => expect.fail("No socket is opened"),
    base: async () => (calls.push("base"), hasBase ? { kind: "answer", answer: header(answer), text: "" } : null),
    basePage: async (_, n) => (calls.push("page"), page(texts[n] ?? "", n)),
    pull: async (after: Cursor | null) => {
      calls.push("pull");
      if (after && !server.records.some((record) => sameCursor(cursorOf(record), after))) return { kind: "diverged" };
      return { kind: "answer", text: "", answer: { after, records: [], cursor: after, head: 0, more: false } };
    },
  };
  const database = newDatabase();
  const inner = memoryLogStore(database);
  const { engine, shown } = await openTab(domain, database, { store: { ...inner, ...store?.(inner) } });
  const joining = new Joining(engine, transport);
  const join = (change: { readonly more?: boolean; readonly after?: Cursor | null } = {}) => {
    const { page: whole, ...rest } = server.page(engine, []);
    return joining.join({ ...rest, page: { ...whole, more: true, ...change } });
  };
  const joinWith = (outcomes: readonly Outcome[]) => {
    const { page: whole, ...rest } = server.page(engine, []);
    return joining.join({ ...rest, outcomes, page: { ...whole, more: true } });
  };
  const keys = () => shown(board.name).map(({ key }) => key);
  return { server, records, engine, transport, cursor, calls, database, join, joinWith, keys };
}

test("Joining: takes a base whole, and requests none once the log has records", async () => {
  const { engine, cursor, calls, join, keys } = await scene();
  expect(await join()).toBe(true);
  expect(engine.replica.cursor).toEqual(cursor);
  expect(keys()).toEqual(["task/t0", "task/t1", "task/t2"]);
  expect(calls).toEqual(["base", "page", "page"]);
  // Another answer to the first request may come late.
  expect([await join(), await join({ after: null })]).toEqual([false, false]);
  expect(calls).toHaveLength(3);
});

test("Joining: requests no base for the last page of a log, and for a page behind a cursor", async () => {
  const { cursor, calls, join } = await scene();
  expect([await join({ more: false }), await join({ after: cursor })]).toEqual([false, false]);
  expect(calls).toEqual([]);
});

test("Joining: without a base it requests none again, and after three lost writes neither", async () => {
  const without = await scene({ hasBase: false });
  expect([await without.join(), await without.join()]).toEqual([false, false]);
  expect(without.calls).toEqual(["base"]);
  const moved = await scene({ store: () => ({ join: () => Promise.resolve(false) }) });
  for (let n = 0; n < 6; n++) expect(await moved.join()).toBe(false);
  expect(moved.calls.filter((call) => call === "base")).toHaveLength(JOINS_MAX);
});

test("Joining: a base whose page is gone each time is read three times", async () => {
  const { calls, join } = await scene({ page: () => null });
  expect(await join()).toBe(false);
  expect(calls.filter((call) => call === "base")).toHaveLength(JOINS_MAX);
});

test.each<[string, Changes]>([
  ["lacks a table", { header: (one) => ({ ...one, tables: one.tables.slice(1) }) }],
  ["has a table more", { header: (one) => ({ ...one, tables: [...one.tables, "more"] }) }],
  ["has a table of another version", { header: (one) => ({ ...one, tables: [...one.tables.slice(1), "board@9"] }) }],
  ["has a page of other bytes", { page: (text) => text.replace("t0", "t9") }],
  ["has a page of another length", { header: (one) => withPage(one, (page) => ({ ...page, bytes: page.bytes + 1 })) }],
  ["has a page that is no list", { page: (_, n) => `${n}`, header: (one) => withPage(one, (_, n) => factsOf(`${n}`)) }],
])("Joining: takes nothing of a base that %s", async (_, changes) => {
  const { engine, join, keys } = await scene(changes);
  expect(await join()).toBe(false);
  expect([engine.replica.cursor, keys()]).toEqual([null, []]);
});

type Page = BaseHeader["pages"][number];

function withPage(header: BaseHeader, change: (page: Page, n: number) => Page): BaseHeader {
  return { ...header, pages: header.pages.map(change) };
}

const factsOf = (text: string): Page => ({ bytes: bytesOf(text), hash: textHash(text) });

test("Joining: after a log was dropped, the server must still have its end", async () => {
  for (const [at, isThere, left] of [
    [2, true, null],
    [3, true, null],
    // The records up to the dropped end follow the base, and show whether the server still has it.
    [4, true, 4],
    [2, false, 2],
    [4, false, 4],
  ] as const) {
    const { server, records, engine, calls, join } = await scene();
    server.records = records.slice(0, at);
    await server.pull(engine);
    await dropConfirmed(engine);
    expect(engine.head.droppedEnd?.position).toBe(at);
    server.records = isThere ? records : records.slice(at);
    expect(await join(), `${at}`).toBe(isThere);
    expect(engine.head.droppedEnd?.position ?? null).toBe(left);
    // A restore after the check changes nothing, because the base is of a log that has that end.
    expect(calls.slice(0, 3)).toEqual(isThere ? ["base", "pull", "page"] : ["base", "pull"]);
  }
});

test("Joining: settles no commit whose record the server lost before it made the base", async () => {
  for (const isLost of [true, false]) {
    const { server, records, engine, joinWith } = await scene();
    const own = await engine.execute([add("mine")], null);
    const at = isLost ? { position: 2, mark: "lost" } : cursorOf(records[1] ?? expect.fail("no record"));
    server.records = records;
    expect(await joinWith([{ id: own, outcome: "recorded", at }])).toBe(!isLost);
    expect(engine.pendingCount).toBe(isLost ? 1 : 0);
  }
});

test("Joining: a push behind the end of the dropped log joins too, and another push does not", async () => {
  for (const isSame of [true, false]) {
    const { server, records, engine, join } = await scene();
    server.records = records.slice(0, 2);
    await server.pull(engine);
    await dropConfirmed(engine);
    server.records = records;
    const after = isSame ? engine.head.droppedEnd : { position: 2, mark: "another" };
    expect(await join({ after, more: false })).toBe(isSame);
  }
});

test("LocalLog.load: a base whose rows are gone is dropped, and the end of its log is kept", async () => {
  const { server, engine, database, join } = await scene();
  expect(await join()).toBe(true);
  await server.pull(engine);
  const end = engine.head.cursor;
  expect(end?.position).toBe(6);
  const { generation, rebuilds, checkpoint } = { ...engine.head, checkpoint: end ?? expect.fail("no end") };
  // The rows are of another release.
  await engine.store.replaceRows({ generation, rebuilds }, { checkpoint, tables: [{ table: "x@1", buckets: [] }] });
  const again = await openTab(domain, database);
  expect(again.engine.head).toMatchObject({ cursor: null, droppedEnd: end });
});

test("resolveDivergence: a cut behind the rows of a base keeps the end that both logs have", async () => {
  const { server, records, engine, transport, join } = await scene();
  expect(await join()).toBe(true);
  await server.pull(engine);
  expect(engine.summary.sentAgain).toBeNull();
  await engine.execute([add("mine")], null);
  await server.sync(engine);
  await engine.tidy();
  server.records = records.slice(0, 4);
  await resolveDivergence(engine, transport);
  expect(engine.head.cursor).toBeNull();
  expect(engine.summary.sentAgain).toMatchObject({ commits: 1 });
  expect(engine.head.droppedEnd).toEqual(cursorOf(records[3] ?? expect.fail("no record")));
  // The server went back once more, before the device had its records again.
  server.records = records.slice(0, 2);
  await resolveDivergence(engine, transport);
  expect(engine.head).toMatchObject({ cursor: null, droppedEnd: null });
});

test("resolveDivergence: a log that joined goes back to its base, or to the beginning", async () => {
  for (const [kept, position, seen] of [
    [3, 3, 1],
    [0, null, 0],
  ] as const) {
    const { server, records, engine, transport, join } = await scene();
    expect(await join()).toBe(true);
    await server.pull(engine);
    expect(engine.replica.cursor?.position).toBe(6);
    await engine.execute([task.command.rename("t1", { title: "Mine" })], null);
    server.records = records.slice(0, kept);
    await resolveDivergence(engine, transport);
    expect(engine.replica.cursor?.position ?? null).toBe(position);
    expect(engine.pending.map(({ commit }) => commit.commands[0]?.seen)).toEqual([seen]);
  }
});

// Cutting a log back, on engines without network and timers: the server was restored from an older file.
import { describe, expect, test } from "vitest";
import type { Cursor } from "../../../../src/core/history/record.ts";
import { cursorOf, positionOf, sameCursor } from "../../../../src/core/history/record.ts";
import type { Engine } from "../../../../src/client/engine/engine.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import type { PendingEntry } from "../../../../src/client/stores/log-store.ts";
import { dropConfirmed, resolveDivergence } from "../../../../src/client/sync/resolve-divergence.ts";
import type { Transport } from "../../../../src/client/sync/transport.ts";
import type { CommandRequest } from "../../../../src/core/domain/definition.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { type EngineTab, openTab } from "../../../support/engine/open-tab.ts";
import { RecordingServer } from "../../../support/engine/recording-server.ts";

const add = (id: string) => task.command.add(id, { title: id, column: "todo" });
const rename = (id: string, title: string) => task.command.rename(id, { title });
const newDatabase = () => new MemoryDatabase(() => crypto.randomUUID());
const idsOf = (entries: readonly PendingEntry[]) => entries.map(({ commit }) => commit.id);
const unused = () => Promise.reject(new Error("Only pulls find the common record"));

/** The pulls of a device, answered by the records that a server has. */
function transportOf(server: RecordingServer, before: () => Promise<void> = () => Promise.resolve()) {
  const pulls: (Cursor | null)[] = [];
  const transport: Transport = {
    push: unused,
    info: unused,
    live: () => expect.fail("No socket is opened"),
    pull: async (after) => {
      pulls.push(after);
      await before();
      if (after && !server.records.some((record) => sameCursor(cursorOf(record), after))) return { kind: "diverged" };
      return { kind: "answer", text: "", answer: { after, records: [], cursor: after, head: 0, more: false } };
    },
  };
  return { transport, pulls };
}

/** Six records, four of them by this device, and two commits that wait. */
async function sixRecords() {
  const server = new RecordingServer();
  const database = newDatabase();
  const ada = await openTab(domain, database);
  const bob = await openTab(domain, newDatabase(), { user: "bob" });
  const made: PendingEntry[] = [];
  const execute = async (...requests: CommandRequest[]) => {
    await ada.engine.execute(requests, null);
    made.push(ada.engine.pending.at(-1) ?? expect.fail("not written"));
  };
  const executeAsBob = async (request: CommandRequest) => {
    await server.pull(bob.engine);
    await bob.engine.execute([request], null);
    await server.sync(bob.engine);
    await server.pull(ada.engine);
  };
  await execute(add("t1"));
  await server.sync(ada.engine);
  await execute(rename("t1", "Milk"));
  await execute(add("t2"), task.command.complete("t2"));
  await server.sync(ada.engine);
  await executeAsBob(rename("t1", "Oat milk"));
  await execute(task.command.complete("t1"));
  await server.sync(ada.engine);
  await execute(add("t3"));
  await executeAsBob(add("t4"));
  await execute(rename("t4", "Bread"));
  expect(server.records).toHaveLength(6);
  return { server, database, ada, made };
}

/** The waiting commit as it must be after the log was cut back to `keep`. */
function cutEntry(entry: PendingEntry, isReturned: boolean, keep: Cursor | null, { records }: RecordingServer) {
  const versions = new Map<string, number>();
  for (const { events } of records) for (const { stream, version } of events) versions.set(stream, version);
  const at = isReturned ? null : positionOf(entry.at) < positionOf(keep) ? entry.at : keep;
  const commands = entry.commit.commands.map((command) => ({
    ...command,
    seen: Math.min(command.seen, versions.get(command.stream) ?? 0),
  }));
  return { at, undo: entry.undo, commit: { ...entry.commit, commands } };
}

async function rowsOfNewDevice(server: RecordingServer) {
  const fresh = await openTab(domain, newDatabase(), { user: "eve" });
  await server.pull(fresh.engine);
  return fresh.shown(board.name).map(({ key, row }) => [key, row]);
}

describe("resolveDivergence", () => {
  test.each([0, 1, 2, 3, 4, 5, 6])("resolveDivergence: returns lost commits if %i records remain", async (kept) => {
    const { server, ada, made } = await sixRecords();
    const settled = new Set(made.slice(0, 4).map(({ commit }) => commit.id));
    server.records = server.records.slice(0, kept);
    const keep = kept === 0 ? null : cursorOf(server.records[kept - 1] ?? expect.fail("no record"));
    const recorded = new Set(server.records.map(({ commit }) => commit));
    const { transport, pulls } = transportOf(server);
    await resolveDivergence(ada.engine, transport);
    expect(ada.engine.replica.cursor).toEqual(keep);
    expect(ada.engine.head.generation).toBe(1);
    expect(pulls.length).toBeLessThanOrEqual(3);
    const expected = made
      .filter(({ commit }) => !recorded.has(commit.id))
      .map((entry) => cutEntry(entry, settled.has(entry.commit.id), keep, server));
    expect(ada.engine.pending.map(({ at, undo, commit }) => ({ at, undo, commit }))).toEqual(expected);
    expect(await ada.engine.store.readSent(null)).toHaveLength(made.length - expected.length);

    await server.sync(ada.engine);
    expect(ada.engine.pendingCount).toBe(0);
    const commits = server.records.map(({ commit }) => commit);
    expect(new Set(commits).size).toBe(commits.length);
    expect(commits).toEqual(expect.arrayContaining([...settled]));
    expect(ada.shown(board.name).map(({ key, row }) => [key, row])).toEqual(await rowsOfNewDevice(server));
  });

  test("resolveDivergence: keeps the order of making if a later commit was recorded first", async () => {
    const server = new RecordingServer();
    const ada = await openTab(domain, newDatabase());
    const ids: string[] = [];
    for (const id of ["t1", "t2", "t3", "t4"]) ids.push(await ada.engine.execute([add(id)], null));
    const later = new Set([ids[1], ids[3]]);
    await ada.engine.confirm(await server.decide(ada.engine, (id) => later.has(id)), 0);
    expect(idsOf(ada.engine.pending)).toEqual([ids[0], ids[2]]);
    server.records = [];
    await resolveDivergence(ada.engine, transportOf(server).transport);
    expect(idsOf(ada.engine.pending)).toEqual(ids);
  });

  test("resolveDivergence: cuts a log back once, if another tab resolved it first", async () => {
    const { server, database, ada } = await sixRecords();
    const other = await openTab(domain, database);
    server.records = server.records.slice(0, 2);
    const resolveElsewhere = async (): Promise<void> => {
      if (other.engine.head.generation > 0) return;
      await resolveDivergence(other.engine, transportOf(server).transport);
      await server.sync(other.engine);
    };
    await resolveDivergence(ada.engine, transportOf(server, resolveElsewhere).transport);
    expect([ada.engine.head.generation, ada.engine.pendingCount]).toEqual([1, 0]);
    expect(ada.engine.replica.cursor).toEqual(other.engine.replica.cursor);
  });

  test("resolveDivergence: leaves a log alone that another tab dropped meanwhile", async () => {
    const { server, database, ada } = await sixRecords();
    const other = await openTab(domain, database);
    const end = ada.engine.replica.cursor;
    server.records = server.records.slice(0, 2);
    let isDropped = false;
    const dropElsewhere = async (): Promise<void> => {
      if (!isDropped) await dropConfirmed(other.engine);
      isDropped = true;
    };
    await resolveDivergence(ada.engine, transportOf(server, dropElsewhere).transport);
    await ada.engine.refresh();
    expect(ada.engine.head).toMatchObject({ generation: 1, droppedEnd: end, cursor: null });
  });

  test("resolveDivergence: a log that was deleted on the server is kept as it is", async () => {
    const { server, ada } = await sixRecords();
    const before = [ada.engine.head, idsOf(ada.engine.pending)];
    const transport = { ...transportOf(server).transport, pull: () => Promise.resolve({ kind: "gone" } as const) };
    await expect(resolveDivergence(ada.engine, transport)).rejects.toMatchObject({ code: "gone" });
    expect([ada.engine.head, idsOf(ada.engine.pending)]).toEqual(before);
  });

  test("resolveDivergence: says so if other tabs write first each time", async () => {
    const { server, ada } = await sixRecords();
    let attempts = 0;
    Object.assign(ada.engine.store, { cutBack: () => Promise.resolve((attempts++, null)) });
    server.records = [];
    await expect(resolveDivergence(ada.engine, transportOf(server).transport)).rejects.toThrow("wrote too often");
    expect(attempts).toBeGreaterThan(3);
  });
});

describe("a dropped log", () => {
  const idle = (engine: Engine) => [engine.replica.cursor, engine.replica.entries(board.name).length];

  test("dropConfirmed: keeps the waiting commits, and the end of the log", async () => {
    const { ada, made, database } = await sixRecords();
    const end = ada.engine.replica.cursor;
    await dropConfirmed(ada.engine);
    expect(ada.engine.head).toMatchObject({ cursor: null, droppedEnd: end });
    const waiting = made.slice(4).map(({ commit, undo }) => ({ at: null, commit, undo }));
    const entriesOf = ({ engine }: EngineTab) => engine.pending.map(({ at, commit, undo }) => ({ at, commit, undo }));
    expect(entriesOf(ada)).toEqual(waiting);
    expect(entriesOf(await openTab(domain, database))).toEqual(waiting);
    await dropConfirmed(ada.engine);
    expect(ada.engine.head).toMatchObject({ cursor: null, droppedEnd: end, generation: 1 });
  });

  test("dropConfirmed: writes nothing in an empty log", async () => {
    const tab = await openTab(domain, newDatabase());
    await dropConfirmed(tab.engine);
    expect([tab.writes(), tab.engine.head.generation, ...idle(tab.engine)]).toEqual([0, 0, null, 0]);
  });

  test("resolveDivergence: a dropped log returns all own commits without a search", async () => {
    const { server, ada, made } = await sixRecords();
    await dropConfirmed(ada.engine);
    const { transport, pulls } = transportOf(server);
    server.records = server.records.slice(0, 2);
    await server.pull(ada.engine);
    expect(ada.engine.replica.cursor).toMatchObject({ position: 2 });
    await resolveDivergence(ada.engine, transport);
    expect(pulls).toEqual([]);
    expect(idsOf(ada.engine.pending)).toEqual(made.map(({ commit }) => commit.id));
    expect(ada.engine.head).toMatchObject({ cursor: null, droppedEnd: null });
  });
});

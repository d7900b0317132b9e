// The rows in IndexedDB against a golden file. A change needs a new LAYOUT_VERSION and an upgrade, and this test shows
// it first.
import { readFileSync } from "node:fs";
import { openDB } from "idb";
import { beforeAll, expect, test } from "vitest";
import { openIdbLogStore } from "../../src/client/stores/idb/idb-log-store.ts";
import { databaseName } from "../../src/client/stores/database-name.ts";
import { LAYOUT_VERSION } from "../../src/client/stores/idb/layout.ts";
import type { LogStore, PendingEntry } from "../../src/client/stores/log-store.ts";
import type { Commit } from "../../src/core/history/commit.ts";
import { type CommitRecord, cursorOf } from "../../src/core/history/record.ts";
import { layoutOf, replace } from "../support/idb/faulty-idb.ts";
import { parseOwnJson } from "../support/own-json.ts";

const log = "groceries";
const user = "ada@example.org";
const client = "01985a3e-7c00-7000-8000-0000000000c1";
const made = 1_760_000_000_000;

let layout: Awaited<ReturnType<typeof layoutOf>>;
beforeAll(async () => {
  const store = await openIdbLogStore({ log, user, newClientId: () => client });
  await fill(store);
  store.close();
  layout = await layoutOf(databaseName(log, user));
});

test("L1 layout: the rows of a database match the golden file", async () => {
  const golden = { name: databaseName(log, user), version: LAYOUT_VERSION, stores: layout };
  await expect(`${JSON.stringify(golden, null, 2)}\n`).toMatchFileSnapshot("golden/idb-layout.json");
});

test("docs/storage-client.md: shows every row of the golden file", () => {
  const page = readFileSync(new URL("../../docs/storage-client.md", import.meta.url), "utf8");
  const rows = Object.values(layout).flatMap((of) =>
    of.map(([key, row]) => `${JSON.stringify(key)}  ${typeof row === "string" ? row : JSON.stringify(row)}`),
  );
  expect(rows.filter((row) => !page.includes(row))).toEqual([]);
});

test("upgrade: a database of layout 1 keeps its pending, sent, rejected and confirmed rows", async () => {
  const golden = readFileSync(new URL("golden/idb-layout-1.json", import.meta.url), "utf8");
  const { stores } = parseOwnJson<{ stores: typeof layout }>(golden);
  const name = databaseName("older", user);
  const older = await openDB(name, 1, {
    upgrade: (made) => Object.keys(stores).forEach((store) => made.createObjectStore(store)),
  });
  for (const [store, rows] of Object.entries(stores)) for (const [key, row] of rows) await older.put(store, row, key);
  older.close();
  const store = await openIdbLogStore({ log: "older", user, newClientId: () => "another" });
  const { head, pending, pendingNumbers, rejectionIds, batches } = await store.refresh({ position: 0, pendingTail: 0 });
  expect(head).toMatchObject({ client, generation: 0, cursor: { position: 3 }, pendingTail: 4 });
  expect([pendingNumbers, pending.map(({ commit }) => commit.id), rejectionIds.length]).toEqual([
    [4],
    ["01985a3e-7c04-7000-8000-000000000a04"],
    1,
  ]);
  expect([batches.map(({ cursor }) => cursor.position), (await store.readSent(null)).map(({ n }) => n)]).toEqual([
    [2, 3],
    [1, 3],
  ]);
  expect(await store.appendPending(3, [entryFor("Tea", 5)], [])).toBe(false);
  expect(await store.appendPending(4, [entryFor("Tea", 5)], [])).toBe(true);
  store.close();
});

test("upgrade: a failed upgrade of layout 1 changes nothing, and only the opening reports it", async () => {
  const name = databaseName("older still", user);
  const older = await openDB(name, 1, {
    upgrade: (made) => Object.keys(layout).forEach((store) => made.createObjectStore(store)),
  });
  await older.put("meta", "{}", "head");
  older.close();
  const unheard: unknown[] = [];
  const hear = (reason: unknown) => void unheard.push(reason);
  process.on("unhandledRejection", hear);
  const restore = replace(
    IDBObjectStore.prototype,
    "get",
    (call) =>
      function (this: IDBObjectStore, ...args) {
        queueMicrotask(() => this.transaction.abort());
        return call.apply(this, args);
      },
  );
  const opening = openIdbLogStore({ log: "older still", user, newClientId: () => "another" }).finally(restore);
  await expect(opening).rejects.toMatchObject({ code: "storage-lost" });
  await new Promise((resolve) => setTimeout(resolve));
  process.off("unhandledRejection", hear);
  expect(unheard).toEqual([]);
  expect((await layoutOf(name))["meta"]).toEqual([["head", "{}"]]);
});

/** Writes two sealed records, an unsealed record, and a pending, a sent and a rejected commit. */
async function fill(store: LogStore): Promise<void> {
  const [milk, bread, salt, eggs] = ["Milk", "Bread", "Salt", "Eggs"].map(entryFor);
  if (!milk || !bread || !salt || !eggs) throw new Error("Four entries are needed");
  const tea = {
    ...entryFor("Tea", 5).commit,
    client: "01985a3e-7c00-7000-8000-0000000000c2",
    actor: "bob@example.org",
  };
  await store.appendPending(0, [milk, bread, salt], []);
  const [first, second, third] = [
    recordFor(milk.commit, 1, "7d1f0c9a55e2b604"),
    recordFor(tea, 2, "c03e9b1f8a6d2475"),
    recordFor(salt.commit, 3, "19f4a8d6e3b7c250"),
  ];
  const page = { after: null, records: [first, second], cursor: "2-c03e9b1f8a6d2475", head: 3, more: true };
  // The spaces make the text long enough that the seal is due.
  const text = `${JSON.stringify(page)}${" ".repeat(1024 * 1024)}`;
  const settled = [{ n: 1, ...milk, outcome: "accepted" as const, position: 1, settledAt: made + 900 }];
  await store.confirm(await store.head(), {
    batch: { after: null, cursor: cursorOf(second), text },
    settled,
    rejected: [],
    forgetSentBefore: null,
  });
  await store.seal();
  const outcome = {
    id: bread.commit.id,
    outcome: "rejected" as const,
    command: 0,
    code: "taken",
    message: "Bread is on the list",
    theirs: [],
  };
  const batch = {
    after: cursorOf(second),
    cursor: cursorOf(third),
    text: JSON.stringify({
      type: "records",
      after: "2-c03e9b1f8a6d2475",
      records: [third],
      cursor: "3-19f4a8d6e3b7c250",
      head: 3,
      more: false,
    }),
  };
  const rejected = [{ n: 2, commit: bread.commit, undo: bread.undo, outcome, rejectedAt: made + 950 }];
  const ended = [{ n: 3, ...salt, outcome: "accepted" as const, position: 3, settledAt: made + 950 }];
  await store.confirm(await store.head(), { batch, settled: ended, rejected, forgetSentBefore: null });
  await store.appendPending(3, [{ ...eggs, at: cursorOf(third) }], []);
  const tables = [
    { table: "items@1<item@1", buckets: [{ bucket: 17, text: '[["i1",{"title":"Milk"}]]' }] },
    { table: "done@1<item@1", buckets: [] },
  ];
  await store.writeRows(
    { generation: 0, rebuilds: 0, checkpoint: null },
    { checkpoint: cursorOf(third), tables },
    true,
  );
}

function entryFor(title: string, index = ["Milk", "Bread", "Salt", "Eggs"].indexOf(title)): Omit<PendingEntry, "n"> {
  const stream = `item/i${index + 1}`;
  const commit: Commit = {
    id: `01985a3e-7c0${index + 1}-7000-8000-000000000a0${index + 1}`,
    client,
    actor: user,
    time: made + index,
    meta: null,
    commands: [
      {
        stream,
        seen: 0,
        reads: [],
        name: "add",
        v: 1,
        input: { title },
        events: [{ type: "added", v: 1, data: { title } }],
      },
    ],
  };
  return {
    at: null,
    commit,
    undo: { inverse: [{ stream, name: "remove", v: 1, input: {} }], undoes: null, redoes: null },
  };
}

function recordFor(
  { id, client: from, actor, time, meta, commands }: Commit,
  position: number,
  mark: string,
): CommitRecord {
  const events = commands.flatMap(({ stream, events: expected }) =>
    expected.map(({ type, v, data }) => ({ type, v, stream, version: 1, data })),
  );
  return { position, mark, commit: id, client: from, actor, time, received: made + 800, meta, events };
}

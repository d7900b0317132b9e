// A Dexie table over a real log: real IndexedDB, a real worker, and several tabs.
import { Dexie, liveQuery, type Table } from "dexie";
import { afterEach, expect, test } from "vitest";
import { dexieTable } from "../../src/client/dexie.ts";
import { type LogHandle, openLog } from "../../src/client/open-log.ts";
import { board, task } from "../support/board-domain.ts";

type Item = { readonly key: string; readonly title: string; readonly pending: number };

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const worker = () => new Worker(new URL("../support/browser/board.worker.ts", import.meta.url), { type: "module" });

/** A tab with the log and its table. */
async function tab(name: string, watch: () => void = () => {}) {
  const log: LogHandle = await openLog(name, { worker, user: "ada" });
  const db = new Dexie(`${name} ada`);
  db.version(1).stores({ tasks: "key, title" });
  const table: Table<Item, string> = db.table("tasks");
  const record = ({ row, pending }: { row: { title: string }; pending: boolean }) => {
    watch();
    return { title: row.title, pending: pending ? 1 : 0 };
  };
  const kept = dexieTable(log, board, { table, record });
  const close = async () => {
    await kept.close();
    db.close();
    await log.close();
  };
  ends.push(close);
  return { log, table, kept, close };
}

const add = (id: string, title: string) => task.command.add(id, { title, column: "todo" });
const titles = (table: Table<Item, string>) =>
  table
    .orderBy("title")
    .toArray()
    .then((items) => items.map(({ title }) => title));
const fresh = () => `log-${crypto.randomUUID()}`;

test("dexieTable: liveQuery sees a pending row, and then the confirmed one", async () => {
  const { log, table, kept } = await tab(fresh());
  await kept.ready;
  const seen: string[] = [];
  const subscription = liveQuery(() => table.where("title").startsWith("Mi").toArray()).subscribe((items) => {
    seen.push(items.map(({ title, pending }) => `${title} ${pending}`).join());
  });
  await log.execute(add("t1", "Milk"));
  await expect.poll(() => seen.at(-1)).toBe("Milk 0");
  expect(seen).toContain("Milk 1");
  subscription.unsubscribe();
});

test("dexieTable: one of two tabs writes the rows of both, and the other takes over", async () => {
  const name = fresh();
  const [first, second] = [await tab(name), await tab(name)];
  await Promise.all([first.kept.ready, second.kept.ready]);
  await second.log.execute(add("t1", "Milk"));
  await expect.poll(() => titles(second.table)).toEqual(["Milk"]);
  await first.close();
  await second.log.execute(add("t2", "Bread"));
  await expect.poll(() => titles(second.table)).toEqual(["Bread", "Milk"]);
});

test("dexieTable: if the log of the writing tab ends, and its page stays, another tab writes", async () => {
  const name = fresh();
  const [first, second] = [await tab(name), await tab(name)];
  await Promise.all([first.kept.ready, second.kept.ready]);
  await first.log.close();
  await second.log.execute(add("t1", "Milk"));
  await second.kept.settled();
  expect(await titles(second.table)).toEqual(["Milk"]);
  const third = await tab(name);
  await third.kept.ready;
  await third.log.execute(add("t2", "Bread"));
  await third.kept.settled();
  expect(await titles(third.table)).toEqual(["Bread", "Milk"]);
});

test("dexieTable: a paused tab keeps its table, because writing it needs no lead", async () => {
  const { log, table, kept } = await tab(fresh());
  log.pause();
  await log.execute(add("t1", "Milk"));
  await kept.settled();
  expect(await titles(table)).toEqual(["Milk"]);
});

test("dexieTable: the page works during a large first write, and a second tab waits for it", async () => {
  const name = fresh();
  const { log, close } = await tab(name);
  const count = 3_000;
  for (let first = 0; first < count; first += 100)
    await log.execute(Array.from({ length: 100 }, (_, n) => add(`t${first + n}`, `Task ${first + n}`)));
  await close();
  await Dexie.delete(`${name} ada`);

  // Counts the turns of the page. Each is a moment for a key or a frame.
  const { port1, port2 } = new MessageChannel();
  let turn = 0;
  port1.onmessage = () => port2.postMessage(++turn);
  port2.postMessage(0);
  ends.push(async () => port1.close());
  const inTurn = new Map<number, number>();
  const [first, second] = await Promise.all([
    tab(name, () => inTurn.set(turn, (inTurn.get(turn) ?? 0) + 1)),
    tab(name, () => inTurn.set(turn, (inTurn.get(turn) ?? 0) + 1)),
  ]);
  await second.kept.ready;
  expect(await second.table.count()).toBe(count);
  await first.kept.ready;
  // A browser may prefer reads of IndexedDB to a message.
  expect(Math.max(...inTurn.values())).toBeLessThan(count);
});

// A device that joined from a base: its export, its pending commits, and the loss of its right to read.
import { afterEach, expect, test } from "vitest";
import type { RowEntry } from "../../../../src/core/fold/rows.ts";
import type { Env } from "../../../../src/client/env/env.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { UnreachableError } from "../../../../src/client/sync/unreachable-error.ts";
import { column, domain, task } from "../../../support/board-domain.ts";
import { type Device, device, type Tab, until } from "../../../support/device.ts";
import { startServer } from "../../../support/server.ts";

const LOG = "board";
const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

type Running = { readonly url: string; readonly close: () => Promise<void> };

async function opened(of: Device, server: Running, options: Parameters<Device["open"]>[0] = {}): Promise<Tab> {
  const tab = await of.open({ url: server.url, ...options });
  undo.push(tab.close);
  return tab;
}

async function longLog(options: Parameters<typeof startServer>[0] = {}) {
  const server = await startServer({ base: { everyEvents: 10 }, limits: { pageEventsMax: 5 }, ...options });
  undo.push(server.close);
  const ada = await opened(device(domain, LOG, "ada"), server);
  await ada.execute([column.command.add("todo", { name: "To do" })]);
  for (let n = 0; n < 25; n++) await ada.execute([task.command.add(`t${n}`, { title: `Task ${n}`, column: "todo" })]);
  await until(() => ada.status().pending === 0, "the tasks are recorded");
  await baseBehind(server, 10);
  return { server, ada };
}

async function baseBehind({ url }: Running, position: number): Promise<void> {
  await until(async () => {
    const answer = await fetch(`${url}/logs/${LOG}/base`, { headers: { authorization: "Bearer ada" } });
    const [at] = answer.ok ? ((await answer.text()).split('"cursor":"')[1]?.split("-") ?? []) : [];
    return Number(at) >= position;
  }, "a base");
}

/** The position of the base that a device joined from. Null: it has the whole log. */
async function baseOf({ database }: Device): Promise<number | null> {
  return (await memoryLogStore(database).refresh({ position: 0, pendingTail: 0 })).base?.position ?? null;
}

/** Each text of a row that a page shows from now on. */
function shownRows(tab: Tab, key: string): ReadonlySet<string> {
  const shown = new Set<string>();
  const rows: unknown = tab.rows("board");
  if (!isTable(rows)) throw new Error("The rows are no map");
  const set = rows.set.bind(rows);
  rows.set = (of, entry) => {
    if (of === key) shown.add(JSON.stringify(entry.row));
    return set(of, entry);
  };
  return shown;
}

function isTable(rows: unknown): rows is Map<string, RowEntry> {
  return rows instanceof Map;
}

async function exported(tab: Tab): Promise<string> {
  let text = "";
  for (let piece = unwrap(await tab.api.exportNext(true)); piece !== null;) {
    text += piece;
    piece = unwrap(await tab.api.exportNext(false));
  }
  return text;
}

test("join: the export has the own commits, and the device that imports them joins again", async () => {
  const { server, ada } = await longLog();
  const joined = device(domain, LOG, "bob");
  const first = await joined.open({ url: server.url });
  await until(() => first.status().position === ada.status().position, "bob has the log");
  await first.execute([task.command.rename("t1", { title: "Recorded" })]);
  await until(() => first.status().pending === 0, "the name is recorded");
  first.api.setPaused(true);
  await first.execute([task.command.rename("t2", { title: "Only here" })]);
  const text = await exported(first);
  expect(text).not.toContain('{"record"');
  expect(text.split("\n").filter((line) => line.startsWith('{"pending"'))).toHaveLength(1);
  await first.close();

  const other = device(domain, LOG, "bob");
  const bob = await opened(other, server, { paused: true });
  unwrap(await bob.api.importNext(text, { begin: true, last: true }));
  expect(bob.status().pending).toBe(1);
  bob.api.setPaused(false);
  await until(() => bob.status().pending === 0 && bob.status().rejections === 0, "the work is recorded");
  await until(() => bob.status().position === ada.status().position, "bob has the log");
  expect(await baseOf(other)).not.toBeNull();
  expect(bob.rows("board").get("task/t2")).toMatchObject({ row: { title: "Only here" }, pending: false });
});

test("join: no status says that a server lost commits", async () => {
  const { server, ada } = await longLog();
  const joined = device(domain, LOG, "bob");
  const bob = await opened(joined, server);
  await until(() => bob.status().position === ada.status().position, "bob has the log");
  expect(await baseOf(joined)).not.toBeNull();
  expect(bob.statuses.filter(({ sentAgain }) => sentAgain !== null)).toEqual([]);
});

test.each([
  ["late, the device joins and", false],
  ["lost, the device pulls the whole log and", true],
])("P32 join: if the answer to a push comes %s never shows a commit twice", async (_, isLost) => {
  const { server, ada } = await longLog();
  const joined = device(domain, LOG, "bob");
  let isFirst = true;
  const bob = await opened(joined, server, {
    paused: true,
    transport: (inner) => ({
      ...inner,
      async push(...args) {
        const answer = await inner.push(...args);
        if (!isFirst) return answer;
        isFirst = false;
        await ada.execute(Array.from({ length: 12 }, (_, n) => task.command.note(`t${n}`, { text: "x" })));
        await baseBehind(server, 30);
        if (isLost) throw new UnreachableError("The answer was lost", null);
        return answer;
      },
    }),
  });
  await bob.execute([task.command.add("mine", { title: "Mine", column: "todo" })]);
  await bob.execute([task.command.note("mine", { text: "once" })]);
  const shown = shownRows(bob, "task/mine");
  bob.api.setPaused(false);
  await until(
    () => bob.status().pending === 0 && bob.status().position === ada.status().position,
    "bob's work is recorded",
  );
  expect((await baseOf(joined)) === null).toBe(isLost);
  expect([...shown]).toEqual([JSON.stringify({ title: "Mine", column: "todo", done: false, notes: 1 })]);
});

test("join: with a clock a year behind, work that settles with it is kept for a restore", async () => {
  const { server, ada } = await longLog();
  const joined = device(domain, LOG, "bob");
  const YEAR_MS = 365 * 24 * 60 * 60 * 1000;
  const late = (inner: Env): Env => ({ ...inner, now: () => inner.now() - YEAR_MS });
  const bob = await opened(joined, server, {
    paused: true,
    env: late,
    transport: (inner) => ({
      ...inner,
      async push(...args) {
        const answer = await inner.push(...args);
        await ada.execute(Array.from({ length: 12 }, (_, n) => task.command.note(`t${n}`, { text: "x" })));
        await baseBehind(server, 30);
        return answer;
      },
    }),
  });
  await bob.execute([task.command.add("mine", { title: "Mine", column: "todo" })]);
  bob.api.setPaused(false);
  await until(() => bob.status().pending === 0, "bob's work is recorded");
  expect(await baseOf(joined)).not.toBeNull();
  await ada.execute([task.command.rename("t1", { title: "Later" })]);
  await until(
    () => ada.status().pending === 0 && bob.status().position === ada.status().position,
    "bob has a record that the server received a year later than he made his",
  );
  const sent = await memoryLogStore(joined.database).readSent(null);
  expect(sent.map(({ commit }) => commit.commands.map(({ stream }) => stream))).toEqual([["task/mine"]]);
});

test("join: work whose record is inside the base settles as rebased", async () => {
  const { server, ada } = await longLog();
  const joined = device(domain, LOG, "bob");
  const bob = await opened(joined, server, {
    paused: true,
    transport: (inner) => ({
      ...inner,
      async push(...args) {
        const answer = await inner.push(...args);
        await ada.execute(Array.from({ length: 12 }, (_, n) => task.command.note(`t${n}`, { text: "x" })));
        await baseBehind(server, 30);
        return answer;
      },
    }),
  });
  // This device does not know the task, so it expects no event. The server records one.
  const { commit } = unwrap(await bob.execute([task.command.complete("t1")]));
  const settled = bob.api.settled(commit);
  bob.api.setPaused(false);
  expect(unwrap(await settled).settled).toMatchObject({ outcome: "rebased" });
  const [sent] = await memoryLogStore(joined.database).readSent(null);
  expect(await baseOf(joined)).toBeGreaterThanOrEqual(sent?.position ?? Infinity);
  expect(bob.rows("board").get("task/t1")).toMatchObject({ row: { done: true }, pending: false });
});

test("join: a device that loses the right to read keeps no rows, and joins again with the right", async () => {
  const readers = new Set(["ada", "bob"]);
  const { server, ada } = await longLog({ permit: ({ actor }) => readers.has(actor) });
  const joined = device(domain, LOG, "bob");
  const bob = await opened(joined, server, { haste: 20 });
  await until(() => bob.status().position === ada.status().position, "bob has the log");
  const first = await baseOf(joined);
  bob.api.setPaused(true);
  readers.delete("bob");
  bob.api.setPaused(false);
  bob.api.lifecycle("resumed");
  await until(() => bob.status().position === 0, "the log is dropped");
  expect(bob.rows("board").size).toBe(0);
  expect(await memoryLogStore(joined.database).readRows()).toBeNull();
  await ada.execute(Array.from({ length: 12 }, (_, n) => task.command.note(`t${n}`, { text: "x" })));
  await until(() => ada.status().pending === 0, "the notes are recorded");
  await baseBehind(server, (first ?? 0) + 10);
  readers.add("bob");
  bob.api.lifecycle("resumed");
  await until(() => bob.status().position === ada.status().position, "bob has the log again");
  expect(await baseOf(joined)).toBeGreaterThan(first ?? 0);
  expect(Object.fromEntries(bob.rows("board"))).toEqual(Object.fromEntries(ada.rows("board")));
});

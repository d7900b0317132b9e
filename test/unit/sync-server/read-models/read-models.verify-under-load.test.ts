// The verb `verify` of strong models, while an append comes before each of its writes.
import { afterEach, expect, test } from "vitest";
import { strong, type SyncServerOptions } from "../../../../src/sync-server/app.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { board, columnCounts, task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { BOARD, fillBoard } from "../../../support/filled-log.ts";
import { invoices, order, ordersDomain } from "../../../support/invoices-domain.ts";
import { testServer } from "../../../support/sync-requests.ts";

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** A server whose store calls `append` before each write of a job. */
function busyServer(store: EventStore, options: Partial<SyncServerOptions>) {
  const { models } = store;
  if (!models) throw new Error("The store keeps no models");
  const write = models.write.bind(models);
  const busy = { append: (_n: number): Promise<unknown> => Promise.resolve(), appends: 0 };
  models.write = async (log, change) => {
    if (change.followers.some(({ name }) => name.startsWith("beside/"))) await busy.append(busy.appends++);
    return write(log, change);
  };
  const server = testServer({ store, ...options });
  undo.push(server.close);
  return { server, models, busy };
}

const EVENTS = 1_800;

test("verify: of a strong model ends though an append comes before each of its writes", async () => {
  const store = sqlite(":memory:");
  await fillBoard(store, EVENTS);
  const { server, models, busy } = busyServer(store, { models: [strong(board), strong(columnCounts)] });
  const log = server.log("board");
  for (const model of [board, columnCounts])
    await log.rows(model, { limit: 1, at: `${EVENTS}-m${EVENTS}`, waitMs: 20_000 });
  // The commits change rows of all pages, of those that were compared and of those that were not.
  busy.append = (n) =>
    log.execute([
      task.command.rename(`t${((n * 397) % EVENTS) + 1}`, { title: `Bread ${n}` }),
      task.command.add(`new${n}`, { title: "Milk", column: `column${n % 3}` }),
    ]);
  for (const model of [board, columnCounts])
    expect(await log.models.verify(model)).toMatchObject({ differences: [], more: false });
  const { rows, at } = await log.models.verify(board);
  expect([rows >= EVENTS, Number(at?.split("-")[0]) > EVENTS, busy.appends > 12]).toEqual([true, true, true]);
  const planted = [
    ["task/t1000", null],
    ["task/t1700", JSON.stringify({ title: "Wrong" })],
    ["task/unknown", JSON.stringify({ title: "Extra" })],
  ] as const;
  const found = await models.followers("board");
  const live = found.kind === "open" ? found.followers.find(({ name }) => name === BOARD) : undefined;
  if (!live) throw new Error("The log has no board");
  const next = { at: live.at, wake: live.wake, text: live.text, tables: { rows: "keep", states: "keep" } } as const;
  const set = planted.filter(([, text]) => text !== null);
  const change = { follower: BOARD, table: "rows", set, remove: ["task/t1000"] };
  const written = await models.write("board", {
    followers: [{ name: BOARD, revision: live.revision, next }],
    rows: [change],
  });
  expect(written.kind).toBe("ok");
  const { differences } = await log.models.verify(board);
  expect(differences.map(({ key }) => key)).toEqual(planted.map(([key]) => key));
});

test("verify: a row that an operator deletes during a comparison is no difference", async () => {
  const store = sqlite(":memory:");
  await fillBoard(store, EVENTS);
  const { server, busy } = busyServer(store, { models: [strong(board)] });
  const log = server.log("board");
  await log.rows(board, { limit: 1, at: `${EVENTS}-m${EVENTS}`, waitMs: 20_000 });
  let deleted = 0;
  busy.append = async () => {
    const { append } = busy;
    // A deletion writes beside too.
    busy.append = () => Promise.resolve();
    await log.execute(task.command.rename("t5", { title: `Bread ${deleted}` }));
    if (deleted < 6) await log.models.delete(board, `task/t${1_000 + deleted++}`);
    busy.append = append;
  };
  expect((await log.models.verify(board)).differences).toEqual([]);
  expect(deleted).toBe(6);
});

test("verify: of a strong SQL model ends though an append comes before each of its writes", async () => {
  const store = sqlite(":memory:");
  const { server, busy } = busyServer(store, { domain: ordersDomain, models: [strong(invoices)] });
  const log = server.log("shop");
  const pay = (id: string) =>
    log.execute([order.command.place(id, { total: 1 }), order.command.pay(id, { number: id })]);
  for (let n = 0; n < 700; n++) await pay(`o${n}`);
  await until(async () => (await log.models.status(invoices)).phase === "ready", "the rows");
  busy.append = (n) => pay(`${n % 2 === 0 ? "a" : "z"}${n}`);
  const { rows, differences } = await log.models.verify(invoices);
  expect([rows >= 700, differences]).toEqual([true, []]);
  expect(busy.appends).toBeGreaterThan(2);
});

// Process managers of a server: rows, commands, timers, rejections, parked events and an operator.
import { afterEach, expect, test } from "vitest";
import {
  type AnyProcessManager,
  processManager,
  subscriber,
  type SyncServer,
  type SyncServerOptions,
} from "../../../../src/sync-server/app.ts";
import { projection } from "../../../../src/index.ts";
import { runtimeEnv } from "../../../../src/sync-server/base/env.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { domain as boardDomain } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { fulfilmentOf, order, payment, POISON, shop } from "../../../support/orders-domain.ts";
import { sqliteFile } from "../../../support/sqlite-file.ts";
import { testServer } from "../../../support/sync-requests.ts";

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function started(manager: AnyProcessManager, options: Partial<SyncServerOptions> = {}): SyncServer {
  // Without ticks no walk hides a lost poke.
  const server = testServer({ domain: shop, subscribers: [manager], onError: () => {}, liveTicks: false, ...options });
  undo.push(() => server.close());
  return server;
}

const statusOf = async (server: SyncServer) => (await server.log("shop").processes.list())[0];
const isQuiet = async (server: SyncServer, commands = 0): Promise<boolean> => {
  const status = await statusOf(server);
  return status?.behind === 0 && status.commands === commands;
};
async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
const eventsOf = async (server: SyncServer, id: string): Promise<string[]> =>
  (await listOf(server.log("shop").history(order, id))).map(({ type, actor }) => `${type} ${actor}`);

test("processManager: an event changes the row, and its commands are executed once", async () => {
  const fulfilment = fulfilmentOf();
  const server = started(fulfilment);
  const log = server.log("shop");
  await log.execute(order.command.place("o1", { amount: 5 }), { actor: "ada" });
  await until(() => isQuiet(server, 1), "the request of the payment");
  expect((await log.load(payment, "o1")).state).toEqual({ order: "o1", amount: 5, taken: false });
  const { rows, parked } = await log.rows(fulfilment);
  expect({ rows, parked }).toEqual({ rows: [{ key: "order/o1", row: { status: "waiting", notes: 0 } }], parked: 0 });
  const [timer] = await log.processes.commands(fulfilment);
  expect(timer).toMatchObject({ process: "order/o1", timer: "payment-late", failures: 0 });
  expect((timer?.due ?? 0) - Date.now()).toBeGreaterThan(14 * 60_000);
  await log.execute(payment.command.take("o1"), { actor: "bank" });
  await until(() => isQuiet(server), "the payment of the order");
  expect(await eventsOf(server, "o1")).toEqual(["OrderPlaced ada", "OrderPaid ~fulfilment"]);
  const [, taken] = await listOf(log.history(payment, "o1"));
  const [placed, paid] = await listOf(log.history(order, "o1"));
  expect(paid).toMatchObject({ causedBy: taken?.id, correlation: taken?.correlation });
  expect([placed?.causedBy, taken?.causedBy]).toEqual([undefined, undefined]);
  expect(await statusOf(server)).toMatchObject({ name: "fulfilment", state: "running", commands: 0, nextAt: null });
});

test("processManager: a timer is executed when its time is over", async () => {
  const fulfilment = fulfilmentOf({ lateMs: 50 });
  const server = started(fulfilment);
  await server.log("shop").execute(order.command.place("o1", { amount: 5 }), { actor: "ada" });
  await until(async () => (await eventsOf(server, "o1")).length === 2, "the cancellation");
  expect(await eventsOf(server, "o1")).toEqual(["OrderPlaced ada", "OrderCancelled ~fulfilment"]);
  await until(() => isQuiet(server), "the end");
  expect((await server.log("shop").rows(fulfilment)).rows).toEqual([]);
});

test("processManager: a rejected command reaches onRejected, whose command follows", async () => {
  const server = started(fulfilmentOf());
  await server.log("shop").execute(order.command.place("o1", { amount: 13 }), { actor: "ada" });
  await until(() => isQuiet(server), "the cancellation");
  expect((await server.log("shop").load(order, "o1")).state?.status).toBe("cancelled");
  // The end of the process dropped its timer.
  expect(await statusOf(server)).toMatchObject({ commands: 0, nextAt: null });
});

test("processManager: events behind a parked one wait, and follow in order after a retry", async () => {
  let isPoisoned = true;
  const errors: unknown[] = [];
  const fulfilment = fulfilmentOf({ isPoisoned: () => isPoisoned });
  const server = started(fulfilment, { store: memory(), onError: (error) => errors.push(error) });
  const { processes, ...log } = server.log("shop");
  await log.execute(order.command.place("o1", { amount: 5 }), { actor: "ada" });
  await log.execute(order.command.note("o1", { text: POISON }), { actor: "ada" });
  await log.execute(order.command.note("o1", { text: "second" }), { actor: "ada" });
  await log.execute(order.command.place("o2", { amount: 5 }), { actor: "ada" });
  await until(() => isQuiet(server, 2), "both timers");
  expect(await statusOf(server)).toMatchObject({ state: "running", behind: 0, waiting: 2, parked: 1 });
  expect(errors).toMatchObject([{ code: "parked", cause: { message: "poison" } }]);
  const [parked] = await processes.parked(fulfilment);
  expect(parked).toMatchObject({
    kind: "event",
    type: "OrderNoted",
    stream: "order/o1",
    version: 2,
    reason: "Error: poison",
  });
  expect(await processes.retry(fulfilment)).toBe(1);
  await until(async () => errors.length === 2, "the second failure");
  isPoisoned = false;
  await until(async () => (await statusOf(server))?.parked === 1, "parked again");
  expect(await processes.retry(fulfilment, [parked?.id ?? ""])).toBe(1);
  await until(async () => (await statusOf(server))?.waiting === 0 && (await isQuiet(server, 2)), "all events");
  const events = await listOf(log.history(order, "o1"));
  const notes = events.flatMap(({ type, data }) => (type === "OrderNoted" ? [(data as { text: string }).text] : []));
  expect(notes).toEqual([POISON, "second", `answer to ${POISON}`, "answer to second"]);
  expect((await log.rows(fulfilment)).rows[0]?.row).toEqual({ status: "waiting", notes: 4 });
});

test("processManager: a wrong definition is refused when the program starts", () => {
  const options = {
    version: 1,
    from: [order],
    start: "beginning",
    initial: null,
    on: { OrderPlaced: () => null },
  } as const;
  expect(() => processManager("Bad name", options)).toThrow("process manager");
  expect(() => processManager("p", { ...options, version: 0 })).toThrow("The version of process manager p is 0");
  // @ts-expect-error An event of another aggregate.
  expect(() => processManager("p", { ...options, on: { PaymentTaken: () => null } })).toThrow("handles PaymentTaken");
  expect(() => processManager("p", { ...options, start: { since: new Date(NaN) } })).toThrow("no valid start");
  const manager = processManager("p", options);
  const start = (subscribers: readonly AnyProcessManager[], domain = shop): SyncServer =>
    testServer({ domain, subscribers });
  expect(() => start([manager, manager])).toThrow("process manager p has the name of");
  expect(() => start([manager], boardDomain)).toThrow("which the domain of the server does not have");
  const mailer = subscriber("p", { from: [order], start: "beginning", on: { OrderPlaced: () => {} } });
  expect(() => testServer({ domain: shop, subscribers: [mailer, manager] })).toThrow(
    "process manager p has the name of",
  );
  // Both would answer `rows("p")`.
  const models = [projection("p", { version: 1, from: [order], initial: null, on: { OrderPlaced: () => null } })];
  const both = { domain: shop, models, subscribers: [manager] };
  expect(() => testServer(both)).toThrow("process manager p has the name of a subscriber, a model or another");
});

test("processManager: a timer whose time is null, and a row that is not JSON, park their events", async () => {
  const wrong = processManager("wrong", {
    version: 1,
    from: [order],
    start: "beginning",
    initial: null as { readonly at: Date } | null,
    on: {
      OrderPlaced: (_, { data, key }, { later }) => {
        const noTime = null as unknown as number;
        if (data.amount === 1) later("late", noTime, order.command.pay(key.slice("order/".length)));
        return { at: new Date(0) };
      },
    },
  });
  const server = testServer({ domain: shop, subscribers: [wrong], onError: () => {}, liveTicks: false });
  const log = server.log("shop");
  await log.execute([order.command.place("o1", { amount: 1 }), order.command.place("o2", { amount: 2 })]);
  await until(async () => (await log.processes.list())[0]?.parked === 2, "two parked events");
  expect((await log.processes.parked(wrong)).map(({ reason }) => reason)).toEqual([
    expect.stringContaining("its time is null, which is neither milliseconds nor a date"),
    expect.stringContaining("The row of the process order/o2 is not JSON at at: is not a plain object"),
  ]);
  await server.close();
});

test("subscribers, processes: every call on a log that was dropped says gone", async () => {
  const flow = processManager("flow", {
    version: 1,
    from: [order],
    start: "beginning",
    initial: null,
    on: { OrderPlaced: () => null },
  });
  const mailer = subscriber("mailer", { from: [order], start: "beginning", on: { OrderPlaced: () => {} } });
  const server = testServer({ domain: shop, subscribers: [mailer, flow], liveTicks: false });
  const log = server.log("shop");
  await log.execute(order.command.place("o1", { amount: 1 }));
  await server.drop("shop");
  const reset = { from: "beginning", effects: "repeat" } as const;
  const { subscribers, processes } = log;
  const calls: readonly (() => Promise<unknown>)[] = [
    ...[subscribers, processes].flatMap(({ list }) => [list]),
    ...[subscribers, processes].flatMap((calls, n) => {
      const name = n === 0 ? "mailer" : "flow";
      return [
        () => calls.parked(name),
        () => calls.retry(name),
        () => calls.skip(name, "event", "why"),
        () => calls.pause(name),
        () => calls.resume(name),
        () => calls.reset(name, reset),
      ];
    }),
    () => processes.commands("flow"),
  ];
  for (const call of calls) await expect(call(), String(call)).rejects.toMatchObject({ code: "gone" });
  await server.close();
});

test("processManager: a handler with a wrong command or timer parks its event", async () => {
  const wrong = processManager("wrong", {
    version: 1,
    from: [order],
    start: "beginning",
    initial: null as { n: number } | null,
    on: {
      OrderPlaced: (_, { data }, { run, later }) => {
        if (data.amount === 1) run({ stream: "no stream", name: "pay", v: 1 });
        if (data.amount === 2) later("", 5, order.command.pay("o2"));
        if (data.amount === 3) later("late", NaN, order.command.pay("o3"));
        if (data.amount === 4) later("late", 5, order.command.pay("o4"));
        return data.amount === 4 ? null : { n: data.amount };
      },
    },
  });
  const server = started(wrong);
  const log = server.log("shop");
  for (let n = 1; n <= 5; n++) await log.execute(order.command.place(`o${n}`, { amount: n }), { actor: "ada" });
  await until(async () => (await statusOf(server))?.behind === 0, "all events");
  const parked = await log.processes.parked(wrong);
  expect(parked.map(({ reason }) => reason)).toEqual([
    expect.stringContaining("A command of a process is not valid"),
    expect.stringContaining("its name is not a text of 1 to 128 characters"),
    expect.stringContaining("its time is NaN"),
    expect.stringContaining("its process has ended"),
  ]);
  expect((await log.rows(wrong)).rows).toEqual([{ key: "order/o5", row: { n: 5 } }]);
});

test("processManager: a failing onRejected parks its command, and later commands wait", async () => {
  let isBroken = true;
  const refusing = processManager("refusing", {
    version: 1,
    from: [order],
    start: "beginning",
    initial: null as { placed: true } | null,
    on: {
      OrderPlaced: (_, { key }, { run }) => {
        run(order.command.note("nobody", { text: "no such order" }));
        run(order.command.note(key.slice("order/".length), { text: "second" }));
        return { placed: true };
      },
    },
    onRejected: ({ key, code, message, row, timer }, { run }) => {
      if (isBroken) throw new Error("broken");
      const text = JSON.stringify({ code, message, row, timer });
      run(order.command.note(key.slice("order/".length), { text }));
    },
  });
  const errors: unknown[] = [];
  const server = started(refusing, { onError: (error) => errors.push(error) });
  const { processes, ...log } = server.log("shop");
  await log.execute(order.command.place("o1", { amount: 1 }), { actor: "ada" });
  await until(async () => (await statusOf(server))?.parked === 1, "the parked command");
  const [parked] = await processes.parked(refusing);
  expect(parked).toMatchObject({ kind: "command", process: "order/o1", reason: "onRejected failed: Error: broken" });
  expect(errors).toMatchObject([
    { code: "parked", details: { event: expect.any(String) as string }, cause: { message: "broken" } },
  ]);
  expect(await statusOf(server)).toMatchObject({ commands: 2, nextAt: null });
  isBroken = false;
  expect(await processes.retry(refusing)).toBe(1);
  await until(() => isQuiet(server), "all commands");
  const events = await listOf(log.history(order, "o1"));
  const rejection = { code: "no-such-order", message: "no-such-order", row: { placed: true }, timer: null };
  expect(events.slice(1).map(({ data }) => data)).toEqual([{ text: "second" }, { text: JSON.stringify(rejection) }]);
  expect(await statusOf(server)).toMatchObject({ parked: 0, commands: 0 });
});

test("processManager: `since` passes over events that the server received before", async () => {
  let now = Date.UTC(2026, 0, 1);
  const late = processManager("late", {
    version: 1,
    from: [order],
    start: { since: new Date(now + 5) },
    initial: 0,
    key: () => "all",
    on: { OrderPlaced: (count) => count + 1 },
  });
  const server = started(late, { env: { ...runtimeEnv, now: () => now } });
  const log = server.log("shop");
  for (let n = 0; n < 8; n++, now++) await log.execute(order.command.place(`o${n}`, { amount: 5 }), { actor: "ada" });
  await until(async () => (await statusOf(server))?.behind === 0, "all events");
  expect((await log.rows(late)).rows).toEqual([{ key: "all", row: 3 }]);
});

test("processManager: no reader gets the rows of another version", async () => {
  const file = await sqliteFile();
  undo.push(file.remove);
  const [old, next] = [fulfilmentOf(), fulfilmentOf({ version: 2 })];
  const first = started(old, { store: file.open() });
  await first.log("shop").execute(order.command.place("o1", { amount: 5 }), { actor: "ada" });
  await until(() => isQuiet(first, 1), "the row");
  const second = started(next, { store: file.open() });
  await expect(second.log("shop").rows(next, { waitMs: 0 })).rejects.toMatchObject({ code: "rows-building" });
  // The first node may still have the lease. Without ticks, only a poke lets the second one try again.
  const isBuilt = async (): Promise<boolean> => {
    second.poke("shop");
    return (await statusOf(second))?.state === "running";
  };
  await until(isBuilt, "the rows of the second release");
  const { rows, identity } = await second.log("shop").rows(next);
  expect([rows.length, identity]).toEqual([1, "fulfilment@2<order@1,payment@1"]);
  await expect(first.log("shop").rows(old, { waitMs: 0 })).rejects.toMatchObject({ code: "rows-building" });
});

// Older rows under live devices: all rows of an earlier time, as by point-in-time recovery, or the log's rows alone.
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test } from "vitest";
import { wireCursor } from "../../src/core/wire/messages.ts";
import { board, task } from "../support/board-domain.ts";
import { invoices, order } from "../support/invoices-domain.ts";
import { readBase } from "../support/read-base.ts";
import { newLog } from "./log-object.ts";
import { closer, mails } from "./subscribers.ts";
import { app, fullLogs, fullWorker } from "./worker.ts";

afterEach(() => void (app.errors.length = 0));

type Rows = ReadonlyMap<string, readonly Record<string, SqlStorageValue>[]>;

let made = 0;

/** The columns of a table without the generated ones. */
function columnsOf(sql: SqlStorage, table: string): string {
  return Array.from(
    sql.exec<{ name: string }>("select name from pragma_table_info(?)", table),
    ({ name }) => name,
  ).join();
}

/** A log with a snapshot of `task/t1`, a base, an invoice and an event of a subscriber and of a process. */
async function newRestored() {
  const log = newLog(fullWorker, env.FULL_LOGS, `restored-${++made}`);
  const operator = fullLogs(env).log(log.log);
  const inObject = <Result>(work: (ctx: DurableObjectState) => Result | Promise<Result>) =>
    // A stub of an object that was aborted fails for ever.
    runInDurableObject(env.FULL_LOGS.getByName(log.log), (_, ctx) => work(ctx));
  const ada = log.person("ada");
  const scene = {
    ...log,
    ada,
    operator,
    /** All rows of the log, or those of some tables. */
    save: (tables?: readonly string[]): Promise<Rows> =>
      inObject(({ storage: { sql } }) => {
        const query = "select name from sqlite_master where type = 'table' and name not like '\\_cf%' escape '\\'";
        const names = tables ?? Array.from(sql.exec<{ name: string }>(query), ({ name }) => name);
        return new Map(names.map((name) => [name, [...sql.exec(`select ${columnsOf(sql, name)} from ${name}`)]]));
      }),
    /** Puts rows back and restarts the object, as the platform does. */
    restore: async (saved: Rows) => {
      await inObject(({ storage: { sql } }) => {
        for (const [name, rows] of saved) {
          sql.exec(`delete from ${name}`);
          for (const row of rows) {
            const marks = Object.keys(row).map(() => "?");
            sql.exec(
              `insert into ${name} (${Object.keys(row).join()}) values (${marks.join()})`,
              ...Object.values(row),
            );
          }
        }
      });
      await inObject((ctx) => ctx.abort("a restore")).catch(() => {});
    },
    runAlarm: () => runDurableObjectAlarm(env.FULL_LOGS.getByName(log.log)),
    baseAt: async () => (await readBase(ada))?.header.cursor,
    settled: async (mailCount: number) => {
      await expect.poll(() => mails.titles(log.log).length).toBe(mailCount);
      await expect
        .poll(async () => (await operator.subscribers.list())[0], { timeout: 10_000 })
        .toMatchObject({ behind: 0 });
      await expect
        .poll(async () => (await operator.processes.list())[0], { timeout: 10_000 })
        .toMatchObject({ behind: 0 });
    },
  };
  const notes = Array.from({ length: 60 }, () => task.command.note("t1", { text: "hm" }));
  await ada.push([ada.commit(task.command.add("t1", { title: "Kept", column: "slow" }), ...notes)]);
  await scene.settled(1);
  await ada.push([
    ada.commit(...notes),
    ada.commit(order.command.place("o1", { total: 3 }), order.command.pay("o1", { number: "1" })),
  ]);
  await expect.poll(scene.baseAt).toBeDefined();
  return scene;
}

/** The commits that the restore loses. They move the snapshot, the base, both models and both followers. */
function lostCommits({ ada }: Awaited<ReturnType<typeof newRestored>>) {
  const notes = Array.from({ length: 60 }, () => task.command.note("t1", { text: "lost" }));
  return [
    ada.commit({ ...task.command.rename("t1", { title: "Lost" }), seen: 122 }),
    ada.commit(...notes),
    ada.commit(...notes),
    ada.commit(task.command.add("t2", { title: "t2", column: "slow" })),
    ada.commit(order.command.place("o2", { total: 4 }), order.command.pay("o2", { number: "2" })),
  ];
}

test("restore: after all rows of an earlier time, devices push their part again, once", async () => {
  const scene = await newRestored();
  const { ada, operator, log } = scene;
  const saved = await scene.save();
  const kept = { base: await scene.baseAt(), head: (await ada.pull()).cursor };
  const lost = lostCommits(scene);
  expect((await ada.push(lost, kept.head)).outcomes).toMatchObject(lost.map(() => ({ outcome: "recorded" })));
  await scene.settled(3);
  await expect.poll(scene.baseAt).not.toEqual(kept.base);
  const head = (await ada.pull()).cursor;
  const socket = await scene.live("token-of-bob", head);

  await scene.restore(saved);
  await expect.poll(socket.isClosed).toBe(true);
  expect(await scene.baseAt()).toEqual(kept.base);
  expect((await ada.request(`records?after=${wireCursor(head)}`)).status).toBe(409);
  expect((await ada.request("commits", { after: wireCursor(head), domain: 1, commits: lost })).status).toBe(409);
  expect(await operator.load(task, "t1")).toMatchObject({ state: { title: "Kept", notes: 121 } });
  const again = await ada.push(lost, kept.head);
  expect(again.outcomes.map(({ outcome }) => outcome)).toEqual(lost.map(() => "recorded"));
  // Handlers get the same effect ids, so that a mail service can refuse the second mail.
  await scene.settled(5);
  expect(new Set(mails.of(log).map(({ effectId }) => effectId)).size).toBe(3);
  expect(await operator.load(task, "t1")).toMatchObject({ state: { title: "Lost", notes: 241 } });
  expect(await operator.load(task, "t2")).toMatchObject({ state: { notes: 1 } });
  expect((await operator.models.verify(board)).differences).toEqual([]);
  expect((await operator.models.verify(invoices)).differences).toEqual([]);
  await expect.poll(scene.baseAt).not.toEqual(kept.base);
  expect(app.errors).toEqual([]);
});

const LOG_TABLES = ["dacapo_logs", "dacapo_records", "dacapo_stream_records", "dacapo_outcomes"];

test.each(["shorter", "as long"])(
  "restore: after the log's rows alone, nothing of the lost history is used (%s)",
  async (length) => {
    const scene = await newRestored();
    const { ada, operator } = scene;
    const saved = await scene.save(LOG_TABLES);
    const kept = { base: await scene.baseAt(), head: (await ada.pull()).cursor };
    const lostOutcomes = (await ada.push(lostCommits(scene), kept.head)).outcomes;
    expect(lostOutcomes.map(({ outcome }) => outcome)).toEqual(lostOutcomes.map(() => "recorded"));
    await scene.settled(3);
    await expect.poll(scene.baseAt).not.toEqual(kept.base);
    const lost = { base: await scene.baseAt(), head: (await ada.pull()).cursor };

    await scene.restore(saved);
    expect(await scene.baseAt()).not.toEqual(lost.base);
    expect((await ada.request(`records?after=${wireCursor(lost.head)}`)).status).toBe(409);
    expect(await operator.load(task, "t1")).toMatchObject({ state: { title: "Kept", notes: 121 } });
    const bob = scene.person("bob");
    const size = (lost.head?.position ?? 0) - (kept.head?.position ?? 0) - 2;
    const notes = Array.from({ length: length === "shorter" ? 5 : size }, () => ({
      ...task.command.note("t1", { text: "new" }),
      seen: 122,
    }));
    const half = notes.length / 2;
    // The number of the lost invoice is free again.
    const { cursor, outcomes } = await bob.push(
      [
        bob.commit(...notes.slice(half)),
        bob.commit(...notes.slice(0, half)),
        bob.commit(order.command.place("o3", { total: 5 }), order.command.pay("o3", { number: "2" })),
      ],
      kept.head,
    );
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(["recorded", "recorded", "recorded"]);
    if (length === "as long") expect(cursor?.position).toBe(lost.head?.position);
    expect(await operator.load(task, "t1")).toMatchObject({ state: { title: "Kept", notes: 121 + notes.length } });
    await scene.runAlarm();
    expect((await operator.models.verify(board)).differences).toEqual([]);
    expect((await operator.models.verify(invoices)).differences).toEqual([]);
    expect((await operator.query(invoices, (t) => `select number from ${t.invoice} order by number`)).rows).toEqual([
      { number: "1" },
      { number: "2" },
    ]);
    // Effects of the lost history are in the world. An operator decides from where its followers continue.
    const states = async () => [
      (await operator.subscribers.list())[0]?.state,
      (await operator.processes.list())[0]?.state,
    ];
    await expect.poll(states).toEqual(["diverged", "diverged"]);
    await operator.subscribers.reset("mailer", { from: "beginning", effects: "repeat" });
    await operator.processes.reset(closer, { from: "beginning", effects: "repeat" });
    await expect.poll(states).toEqual(["running", "running"]);
    await scene.settled(4);
  },
);

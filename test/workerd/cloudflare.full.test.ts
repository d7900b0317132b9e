// A full object with all that follows a log: appends are refused, the rest continues, and nothing loses its place.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test } from "vitest";
import { encodeCursor } from "../../src/core/history/record.ts";
import { board, task } from "../support/board-domain.ts";
import { order } from "../support/invoices-domain.ts";
import { readBase } from "../support/read-base.ts";
import { newLog } from "./log-object.ts";
import { closer, mails } from "./subscribers.ts";
import { app, fullLogs, fullWorker } from "./worker.ts";

afterEach(() => {
  mails.broken.clear();
  app.errors.length = 0;
});

const MB = 1_000_000;
let made = 0;

function newFull() {
  const log = newLog(fullWorker, env.FULL_LOGS, `full-${++made}`);
  const stub = () => env.FULL_LOGS.getByName(log.log);
  const sql = <Result>(work: (storage: DurableObjectStorage) => Result | Promise<Result>) =>
    runInDurableObject(stub(), (_, { storage }) => work(storage));
  return {
    ...log,
    operator: fullLogs(env).log(log.log),
    sql,
    /** Fills the database with other data, up to this many bytes. */
    fill: (bytes: number) =>
      sql((storage) => {
        storage.sql.exec("create table if not exists ballast (data blob)");
        while (storage.sql.databaseSize < bytes)
          storage.sql.exec("insert into ballast values (zeroblob(?))", Math.min(MB, bytes - storage.sql.databaseSize));
      }),
    free: () => sql((storage) => void storage.sql.exec("delete from ballast")),
    evict: () => evictDurableObject(stub()).catch(() => {}),
    runAlarm: () => runDurableObjectAlarm(stub()),
    alarm: () => sql((storage) => storage.getAlarm()),
  };
}

/** Makes the next attempts due, as if the time had passed. */
const expireRetries = ({ sql }: ReturnType<typeof newFull>) =>
  sql((storage) =>
    storage.sql.exec(
      "update dacapo_rows set row = json_set(row, '$.notBefore', 0) where json_extract(row, '$.notBefore') > 0",
    ),
  );

const add = (id: string, title = id, column = "todo") => task.command.add(id, { title, column });
const paid = (id: string, number: string) => [order.command.place(id, { total: 3 }), order.command.pay(id, { number })];

test("full: appends get 507, the rest works, and followers continue with new room", async () => {
  const log = newFull();
  const { operator } = log;
  const ada = log.person("ada");
  const stateOf = async (id: string) => (await operator.load(task, id)).state;
  const mailerOf = async () => (await operator.subscribers.list()).find(({ name }) => name === "mailer");
  const first = await ada.outcomes(ada.commit(...paid("o1", "1")), ada.commit(add("t1", "a")));
  expect(first.map(({ outcome }) => outcome)).toEqual(["recorded", "recorded"]);
  // A long stream, for a snapshot.
  for (let n = 0; n < 2; n++)
    await ada.push([ada.commit(...Array.from({ length: 60 }, () => task.command.note("t1", { text: "more" })))]);
  await expect.poll(() => readBase(ada)).not.toBeNull();
  mails.broken.add("broken");
  await ada.push([ada.commit(add("t2", "broken", "timed"))]);
  await expect.poll(async () => (await stateOf("t2"))?.notes).toBe(1);
  await expect.poll(mailerOf).toMatchObject({ waiting: 1, behind: 0 });
  const { cursor: head, records } = await ada.pull();
  const socket = await log.live("token-of-bob", head);
  const base = await readBase(ada);

  await log.fill(2 * MB);
  const commit = ada.commit(add("t3", "c"));
  const push = () => ada.request("commits", { after: null, domain: 1, commits: [commit] });
  const refused = await push();
  expect(refused.status).toBe(507);
  expect(await refused.json()).toMatchObject({ error: { code: "storage-full", retry: "later" } });
  await expect(operator.execute(paid("o2", "2"))).rejects.toMatchObject({ code: "storage-full" });
  // A veto needs an outcome, which needs room too.
  await expect(operator.execute(paid("o2", "1"))).rejects.toMatchObject({ code: "storage-full" });

  // The timer is due now. Its failed attempts are stored, so an object that loses its memory does not begin again.
  const attempts = async () => (await operator.processes.commands(closer))[0]?.failures ?? 0;
  await expect.poll(attempts).toBeGreaterThan(1);
  const before = await attempts();
  await log.evict();
  expect(await attempts()).toBeGreaterThanOrEqual(before);
  // So are those of a handler. After the third one its event is parked.
  const tries = () => mails.failed.filter((title) => title === "broken").length;
  for (const count of [2, 3]) {
    await expireRetries(log);
    await operator.subscribers.resume("mailer");
    await expect.poll(tries).toBe(count);
  }
  await expect.poll(mailerOf).toMatchObject({ state: "running", waiting: 1, parked: 1, behind: 0 });

  // Reads, sockets and presence continue.
  expect((await ada.pull()).records).toEqual(records);
  expect(await readBase(ada)).toEqual(base);
  expect((await operator.rows(board, { at: head && encodeCursor(head) })).rows).toHaveLength(2);
  expect(await stateOf("t1")).toMatchObject({ notes: 120 });
  const other = await log.live("token-of-ada", head);
  other.send({ type: "presence", client: crypto.randomUUID(), data: "here" });
  expect(await socket.next("presence")).toMatchObject({ type: "presence" });
  expect(await push()).toMatchObject({ status: 507 });

  mails.broken.clear();
  await log.free();
  const answer = await ada.push([commit, ada.commit(...paid("o2", "1")), ada.commit(...paid("o3", "3"))], head);
  expect(answer.outcomes.map(({ outcome }) => outcome)).toEqual(["recorded", "rejected", "recorded"]);
  for (const one of [socket, other]) expect(await one.next("records")).toMatchObject({ after: head });
  await expect.poll(() => mails.titles(log.log)).toEqual(["a", "c"]);
  expect(await operator.subscribers.retry("mailer")).toBe(1);
  await expect.poll(() => mails.titles(log.log)).toEqual(["a", "c", "broken"]);
  await expect.poll(() => stateOf("t2")).toMatchObject({ done: true, notes: 1 });
  expect(await operator.processes.commands(closer)).toEqual([]);
  expect((await operator.models.verify(board)).differences).toEqual([]);
  await ada.push(
    Array.from({ length: 12 }, (_, n) => ada.commit(add(`n${n}`))),
    answer.cursor,
  );
  const position = answer.cursor?.position ?? 0;
  await expect
    .poll(async () => (await readBase(ada))?.header.cursor.position, { timeout: 15_000 })
    .toBeGreaterThan(position);
});

test("full: a follower beyond its room is reported, and continues with new room", async () => {
  const log = newFull();
  const { operator } = log;
  const ada = log.person("ada");
  await ada.push([ada.commit(add("t1", "a"))]);
  await expect.poll(() => mails.titles(log.log)).toEqual(["a"]);
  await operator.models.purge(board);
  await log.fill(53 * MB);
  const job = await operator.models.populate(board);
  await expect.poll(() => app.errors.length).toBeGreaterThan(0);
  expect(app.errors).toSatisfy((errors: { code: string }[]) => errors.every(({ code }) => code === "storage-full"));
  expect(await operator.subscribers.list()).toMatchObject([{ name: "mailer", state: "running", behind: 0 }]);
  await log.free();
  expect(await job.finished()).toMatchObject({ phase: "done" });
  expect((await operator.rows(board)).rows).toHaveLength(1);
});

test("full: an import is refused and succeeds with new room, and a full log can be dropped", async () => {
  const [source, target] = [newFull(), newFull()];
  const ada = source.person("ada");
  await ada.push(Array.from({ length: 5 }, (_, n) => ada.commit(add(`t${n}`))));
  const archive = (await (await ada.request("export")).text()).replaceAll(`"${source.log}"`, `"${target.log}"`);
  const load = () => fullLogs(env).importLog(target.log, archive);
  await target.fill(2 * MB);
  await expect(load()).rejects.toMatchObject({ code: "storage-full" });
  expect(await target.person("bob").pull()).toMatchObject({ head: 0 });
  await target.free();
  expect(await load()).toMatchObject({ records: 5, isComplete: true });
  await target.fill(2 * MB);
  await fullLogs(env).drop(target.log);
  expect((await target.person("bob").request("records")).status).toBe(410);
});

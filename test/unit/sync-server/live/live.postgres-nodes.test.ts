// Several nodes on one Postgres: people hear each other across nodes, also after the connection for hints was lost.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { postgres } from "../../../../src/sync-server/stores/postgres.ts";
import { task } from "../../../support/board-domain.ts";
import { type LiveClient, liveClient, ticketOf } from "../../../support/live-client.ts";
import { matching } from "../../../support/matchers.ts";
import { hasPostgres, postgresForTests } from "../../../support/postgres-for-tests.ts";
import { runningServer } from "../../../support/running-server.ts";

const cluster = postgresForTests();
const { start, stopAll } = runningServer();
const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });
/** Whether a ticket opens a socket on this node. */
const opens = (url: string, ticket: string) =>
  new Promise<boolean>((resolve) => {
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/logs/board/live?ticket=${ticket}`);
    socket.onopen = () => {
      resolve(true);
      socket.close();
    };
    socket.onerror = () => resolve(false);
  });
const loseHints = () =>
  cluster.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'dacapo hints'");
/** Reads frames of presence until these devices came and left. */
async function until(socket: LiveClient, { set = [], gone = [] }: { set?: string[]; gone?: string[] }): Promise<void> {
  const missing = new Set([...set.map((client) => `+${client}`), ...gone.map((client) => `-${client}`)]);
  while (missing.size > 0) {
    const frame = await socket.next("presence");
    frame.set.forEach(({ client }) => missing.delete(`+${client}`));
    frame.gone.forEach((client) => missing.delete(`-${client}`));
  }
}
/** A node that reads the store by itself only after a minute. So only hints can be in time. */
const node = (schema: string) =>
  start({
    store: postgres({ url: cluster.url, schema, connectionsMax: 4 }),
    limits: { lookMs: 60_000 },
    ticketSecret: "one-secret-for-all-nodes",
  });

describe.skipIf(!hasPostgres)("postgres nodes", () => {
  let schema = 0;
  beforeEach(() => void schema++);
  afterEach(stopAll);

  test("hints: a socket of one node gets at once what another node recorded", async () => {
    const [one, other] = [await node(`n${schema}`), await node(`n${schema}`)];
    const ada = one.person("ada");
    await ada.outcomes(ada.commit(add("t1")));
    const socket = await liveClient(other.url, "bob");
    expect((await socket.next("records")).records).toMatchObject([{ position: 1 }]);
    await ada.outcomes(ada.commit(add("t2")));
    expect((await socket.next("records")).records).toMatchObject([{ position: 2 }]);
    socket.close();
  });

  test("hints: a node ignores what another program sends on the channel", async () => {
    const [one, other] = [await node(`n${schema}`), await node(`n${schema}`)];
    const socket = await liveClient(other.url, "bob");
    const own = `"schema":"\\"n${schema}\\"","node":"foreign"`;
    for (const payload of ["", "hello", "null", `{${own}}`, `{${own},"logs":[],"presence":[1]}`])
      await cluster.query(`select pg_notify('dacapo_hints', '${payload}')`);
    const ada = one.person("ada");
    await ada.outcomes(ada.commit(add("t1")));
    expect((await socket.next("records")).records).toMatchObject([{ position: 1 }]);
    socket.close();
  });

  test("hints: a node that lost its connection for hints hears of all that it missed", async () => {
    const [one, other] = [await node(`n${schema}`), await node(`n${schema}`)];
    const ada = one.person("ada");
    await ada.outcomes(ada.commit(add("t1")));
    const socket = await liveClient(other.url, "bob");
    await socket.next("records");
    await loseHints();
    await ada.outcomes(ada.commit(add("t2")));
    expect((await socket.next("records")).records).toMatchObject([{ position: 2 }]);
    await ada.outcomes(ada.commit(add("t3")));
    expect((await socket.next("records")).records).toMatchObject([{ position: 3 }]);
    socket.close();
  });

  test("hints: logs of another schema of the same database stay apart", async () => {
    const [one, other] = [await node(`n${schema}`), await node(`m${schema}`)];
    const [ada, bob] = [one.person("ada"), other.person("bob")];
    const socket = await liveClient(other.url, "bob");
    await ada.outcomes(ada.commit(add("t1")));
    await bob.outcomes(bob.commit(add("t2")));
    expect((await socket.next("records")).records).toMatchObject([{ actor: "bob" }]);
    socket.close();
  });

  test("push: many devices over three nodes get one order, without a gap and without a double", async () => {
    const nodes = await Promise.all([1, 2, 3].map(() => node(`n${schema}`)));
    const people = nodes.flatMap((one) => [one.person("ada"), one.person("bob")]);
    const commits = people.flatMap((person, p) =>
      Array.from({ length: 15 }, (_, n) => ({ person, commit: person.commit(add(`t${p}-${n}`)) })),
    );
    await Promise.all(
      commits.map(async ({ person, commit }) => {
        expect(await person.outcomes(commit)).toMatchObject([{ outcome: "recorded" }]);
      }),
    );
    const { records, head } = await start({ store: postgres({ url: cluster.url, schema: `n${schema}` }) }).then((one) =>
      one.person("ada").pull(),
    );
    expect(head).toBe(commits.length);
    expect(records.map(({ position }) => position)).toEqual(commits.map((_, n) => n + 1));
    expect(new Set(records.map(({ commit }) => commit))).toEqual(new Set(commits.map(({ commit }) => commit.id)));
  });

  test("presence: people of other nodes are seen, and leave with their socket and with their node", async () => {
    const [one, other, third] = [await node(`n${schema}`), await node(`n${schema}`), await node(`n${schema}`)];
    const [ada, bob] = [await liveClient(one.url, "ada"), await liveClient(other.url, "bob")];
    const [phone, laptop] = [crypto.randomUUID(), crypto.randomUUID()];
    ada.send({ type: "presence", client: phone, data: { at: "…'\"\u0000" } });
    expect(await bob.next("presence")).toMatchObject({
      set: [{ client: phone, actor: "ada", data: { at: "…'\"\u0000" } }],
    });
    bob.send({ type: "presence", client: laptop, data: "here" });
    await until(ada, { set: [laptop] });
    const watcher = await liveClient(third.url, "bob");
    await until(watcher, { set: [phone, laptop] });
    ada.close();
    await until(watcher, { gone: [phone] });
    await other.close();
    await until(watcher, { gone: [laptop] });
    watcher.close();
  });

  test("presence: a node that lost its connection for hints shows people who came meanwhile", async () => {
    const [one, other] = [await node(`n${schema}`), await node(`n${schema}`)];
    const [ada, bob] = [await liveClient(one.url, "ada"), await liveClient(other.url, "bob")];
    await loseHints();
    const phone = crypto.randomUUID();
    ada.send({ type: "presence", client: phone, data: "here" });
    await until(bob, { set: [phone] });
    expect(bob.frames.at(-1)).toMatchObject({ set: [{ actor: "ada", data: "here" }], gone: [] });
    [ada, bob].forEach((socket) => socket.close());
  });

  test("tickets: one ticket at three nodes at once opens exactly one socket", async () => {
    const nodes = await Promise.all([1, 2, 3].map(() => node(`n${schema}`)));
    for (const { url } of nodes) {
      const ticket = await ticketOf(url, "board", "ada");
      const opened = await Promise.all(nodes.map((one) => opens(one.url, ticket)));
      expect(opened.filter(Boolean)).toHaveLength(1);
      for (const one of nodes) expect(await opens(one.url, ticket)).toBe(false);
    }
  });

  test("serve: reports synchronous_commit = off and a missing right when it starts", async () => {
    await cluster.query(`create role loose_${schema} superuser login`);
    await cluster.query(`alter role loose_${schema} set synchronous_commit = off`);
    await cluster.query(`create role guest_${schema} login`);
    const as = (role: string) => postgres({ url: cluster.url.replace("dacapo@", `${role}@`), schema: `r${schema}` });
    await expect(start({ store: as(`loose_${schema}`) })).rejects.toMatchObject({
      code: "storage-lost",
      message: matching(/synchronous_commit is off/),
    });
    await expect(start({ store: as(`guest_${schema}`) })).rejects.toMatchObject({
      code: "storage-lost",
      fix: matching(/postgresLayout\(\)/),
    });
  });

  test("serve: reports a database that is not there when it starts", async () => {
    const store = postgres("postgres://dacapo@127.0.0.1:1/postgres");
    await expect(start({ store })).rejects.toMatchObject({ code: "storage-lost" });
  });
});

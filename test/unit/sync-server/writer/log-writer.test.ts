// The log writer: many pushes at once, two nodes on one store, and stores that fail at the worst moment.
import { expect, test } from "vitest";
import type { ServerFrame } from "../../../../src/core/wire/messages.ts";
import { parseServerFrame } from "../../../../src/core/wire/read-messages.ts";
import { lastPosition } from "../../../../src/core/history/record.ts";
import type { SyncServer, SyncServerOptions } from "../../../../src/sync-server/app.ts";
import type { AppendResult, EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { column, task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { firstBatchOf } from "../../../support/first-batch.ts";
import { type Person, person, testServer } from "../../../support/sync-requests.ts";
import { sqliteFile } from "../../../support/sqlite-file.ts";
import { parseOwnJson } from "../../../support/own-json.ts";

const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const quiet: Partial<SyncServerOptions> = { onError: () => {} };

/** A store that calls a function of the test for each append. */
function tampered(
  store: EventStore,
  append: (write: () => Promise<AppendResult>, count: number) => Promise<AppendResult>,
): EventStore & { readonly appends: () => number } {
  let count = 0;
  const write = store.append.bind(store);
  store.append = (log, batch) => append(() => write(log, batch), ++count);
  return Object.assign(store, { appends: () => count });
}

/** Every position, every version and every commit is there once. */
async function expectWhole(reader: Person, events: number): Promise<void> {
  const { records, head, more } = await reader.pull();
  expect({ head, more }).toEqual({ head: events, more: false });
  let position = 0;
  const versions = new Map<string, number>();
  for (const record of records) {
    expect(record.position).toBe(position + 1);
    position = lastPosition(record);
    for (const { stream, version } of record.events) {
      expect(version).toBe((versions.get(stream) ?? 0) + 1);
      versions.set(stream, version);
    }
  }
  expect(new Set(records.map(({ commit }) => commit)).size).toBe(records.length);
}

test("log writer: records nothing decided on a state that a restore of the store removed", async () => {
  const before = memory();
  const after = memory();
  let store: EventStore = before;
  const restored = new Proxy(before, {
    get: (_, name: keyof EventStore) =>
      typeof store[name] === "function"
        ? (...given: never[]) => (store[name] as (...given: never[]) => unknown)(...given)
        : store[name],
  });
  const here = person(testServer({ store: restored }), "ada");
  const there = person(testServer({ store: before }), "bob");
  const readStream = before.readStream.bind(before);
  before.readStream = async (...given) => {
    before.readStream = readStream;
    await there.push([there.commit(add("t1"))]);
    const page = await readStream(...given);
    store = after;
    return page;
  };
  expect(await here.outcomes(here.commit(task.command.rename("t1", { title: "Bread" })))).toMatchObject([
    { outcome: "rejected", code: "no-such-task" },
  ]);
  expect(await here.pull()).toMatchObject({ head: 0 });
});

test("log writer: a hundred pushes at once are all recorded, with far fewer appends", async () => {
  const store = tampered(memory(), (write) => write());
  const server = testServer({ store, ...firstBatchOf(100) });
  const people = Array.from({ length: 10 }, () => person(server, "ada"));
  const pushes = people.flatMap((one, device) =>
    Array.from({ length: 10 }, (_, n) => one.push([one.commit(add(`t${device}-${n}`))])),
  );
  for (const { outcomes } of await Promise.all(pushes)) expect(outcomes).toMatchObject([{ outcome: "recorded" }]);
  expect(store.appends()).toBeLessThan(3);
  await expectWhole(person(server, "bob"), 100);
});

test("log writer: reads head and ids only if another node appended since its last append", async () => {
  const store = memory();
  const reads: string[] = [];
  const [head, known] = [store.head.bind(store), store.known.bind(store)];
  store.head = (log) => (reads.push("head"), head(log));
  store.known = (log, commits) => (reads.push("known"), known(log, commits));
  const [ada, bob] = [person(testServer({ store }), "ada"), person(testServer({ store }), "bob")];
  const [first, second] = [ada.commit(add("t1")), ada.commit(add("t2"))];
  await ada.push([first]);
  reads.length = 0;
  await ada.push([second]);
  expect(reads).toEqual([]);
  // A repeated commit gets the same outcome, also if the push has no other commit.
  expect(await ada.outcomes(first, second)).toMatchObject([
    { outcome: "recorded", at: { position: 1 } },
    { outcome: "recorded", at: { position: 2 } },
  ]);
  expect((await ada.push([])).head).toBe(2);
  expect(await bob.outcomes(bob.commit(add("t3")))).toMatchObject([{ outcome: "recorded", at: { position: 3 } }]);
  expect(await ada.outcomes(ada.commit(add("t3")), ada.commit(add("t4")))).toMatchObject([
    { outcome: "rejected", code: "already-added" },
    { outcome: "recorded", at: { position: 4 } },
  ]);
  await expectWhole(bob, 4);
});

test("log writer: a slow log does not delay another log", async () => {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  const store = memory();
  const server = testServer({
    permit: async (_, request) => (request.log === "slow" && request.action === "write" ? held.then(() => true) : true),
    store,
  });
  const slow = person(server, "ada", { log: "slow" });
  const fast = person(server, "ada", { log: "fast" });
  const waiting = slow.push([slow.commit(add("t1"))]);
  expect(await fast.outcomes(fast.commit(add("t1")))).toMatchObject([{ outcome: "recorded" }]);
  release();
  expect((await waiting).outcomes).toMatchObject([{ outcome: "recorded" }]);
});

test("P2 log writer: two servers race on one file without a gap or a duplicate", async () => {
  const { open, remove } = await sqliteFile();
  const results: string[] = [];
  const noted = async (write: () => Promise<AppendResult>): Promise<AppendResult> => {
    // As on a network, the other server may write between the read and the append of this one.
    await wait(2 + Math.random() * 6);
    const result = await write();
    results.push(result.kind);
    return result;
  };
  const servers = [testServer({ store: tampered(open(), noted) }), testServer({ store: tampered(open(), noted) })];
  const people = servers.map((server) => person(server, "ada"));
  await people[0]?.push([people[0].commit(column.command.add("todo", { name: "To do" }), add("shared"))]);
  const work = Array.from({ length: 60 }, async (_, n) => {
    await wait(Math.random() * 100);
    const commits = [
      people[0]?.commit(add(`t${n}`)),
      people[0]?.commit({ ...task.command.note("shared", { text: `${n}` }), seen: 1 }),
    ];
    // Each push goes to both servers, as after a lost response.
    const [first, second] = await Promise.all(people.map((one) => one.push(commits)));
    expect(second?.outcomes).toEqual(first?.outcomes);
    expect(first?.outcomes).toMatchObject([{ outcome: "recorded" }, { outcome: "recorded" }]);
  });
  await Promise.all(work);
  for (const one of people) await expectWhole(one, 2 + 120);
  expect(results.filter((kind) => kind !== "ok").length, "the servers never competed").toBeGreaterThan(0);
  await Promise.all(servers.map((server) => server.close()));
  await remove();
});

test("log writer: answers from the store after an append that was written but rejected", async () => {
  const store = tampered(memory(), async (write, count) => {
    const result = await write();
    if (count === 1) throw new Error("the connection broke after the commit");
    return result;
  });
  const server = testServer({ store, ...quiet });
  const ada = person(server, "ada");
  const [one, other] = await Promise.all([
    ada.push([ada.commit(add("t1")), ada.commit(task.command.complete("nothing"))]),
    ada.push([ada.commit(add("t2"))]),
  ]);
  expect([...one.outcomes, ...other.outcomes].map(({ outcome }) => outcome)).toEqual(["recorded", "empty", "recorded"]);
  await expectWhole(ada, 2);
});

test("log writer: sockets get records at once whose append was written but rejected", async () => {
  const store = tampered(memory(), async (write, count) => {
    const result = await write();
    if (count === 2) throw new Error("the connection broke after the commit");
    return result;
  });
  const server = testServer({ store, liveTicks: false, ...quiet });
  const ada = person(server, "ada");
  await ada.push([ada.commit(add("t1"))]);
  const socket = await liveSocket(server, "bob");
  await until(() => socket.positions().join() === "1", "the socket is up to date");
  expect(await ada.outcomes(ada.commit(add("t2")))).toMatchObject([{ outcome: "recorded" }]);
  await until(() => socket.positions().join() === "1,2", "the socket has the records");
});

test("log writer: sockets get the records that another node wrote first for the same push", async () => {
  let writeElsewhere = (): Promise<unknown> => Promise.resolve();
  // The other node writes the same push between the read and the append of this node.
  const store = tampered(memory(), async (write, count) => {
    if (count === 1) await writeElsewhere();
    return write();
  });
  const server = testServer({ store, liveTicks: false });
  const socket = await liveSocket(server, "bob");
  const [here, there] = [person(server, "ada"), person(testServer({ store }), "ada")];
  const commit = here.commit(add("t1"));
  writeElsewhere = () => there.push([commit]);
  expect(await here.outcomes(commit)).toMatchObject([{ outcome: "recorded" }]);
  await until(() => socket.positions().join() === "1", "the socket has the records");
});

/** An open socket in memory. */
async function liveSocket(server: SyncServer, actor: string): Promise<{ readonly positions: () => readonly number[] }> {
  const { ticket } = parseOwnJson<{ ticket: string }>(
    await (await person(server, actor).request("tickets", {})).text(),
  );
  const opening = await server.live.open(new Request(`http://localhost/logs/board/live?ticket=${ticket}`), "board");
  if (opening.kind === "refused") throw new Error(`The socket was refused: ${opening.response.status}`);
  const frames: ServerFrame[] = [];
  const send = (text: string) => {
    const frame = parseServerFrame(text);
    if (frame.ok) frames.push(frame.value);
  };
  opening.join({ send, bufferedBytes: 0, close: () => {}, terminate: () => {}, save: () => {} });
  return {
    positions: () =>
      frames.flatMap((frame) => (frame.type === "records" ? frame.records.map(({ position }) => position) : [])),
  };
}

test("log writer: the next round writes a batch whose append was rejected and not written", async () => {
  const store = tampered(memory(), (write, count) => (count === 1 ? Promise.reject(new Error("busy")) : write()));
  const server = testServer({ store, ...quiet });
  const ada = person(server, "ada");
  expect(await ada.outcomes(ada.commit(add("t1")))).toMatchObject([{ outcome: "recorded" }]);
  await expectWhole(ada, 1);
});

test("P8 push: a full store is a 507 without an outcome, and the same push succeeds later", async () => {
  let broken = true;
  const store = tampered(memory(), (write) =>
    broken ? Promise.reject(Object.assign(new Error("no space"), { code: "storage-full" })) : write(),
  );
  const server = testServer({ store, ...quiet });
  const ada = person(server, "ada");
  const body = { after: null, domain: 1, commits: [ada.commit(add("t1"))] };
  const response = await ada.request("commits", body);
  expect([response.status, await response.json()]).toMatchObject([
    507,
    { error: { code: "storage-full", retry: "later" } },
  ]);
  broken = false;
  expect(await ada.outcomes(...body.commits)).toMatchObject([{ outcome: "recorded" }]);
  await expectWhole(ada, 1);
});

test("log writer: if `permit` throws, only the push that needs it fails", async () => {
  const server = testServer({
    ...quiet,
    permit: ({ actor }, { action }) => {
      if (actor === "bob" && action === "write") throw new Error("the directory is down");
      return true;
    },
  });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  const [hers, his] = await Promise.all([
    ada.push([ada.commit(add("t1"))]),
    bob.request("commits", { after: null, domain: 1, commits: [bob.commit(add("t2"))] }),
  ]);
  expect(hers.outcomes).toMatchObject([{ outcome: "recorded" }]);
  expect([his.status, his.headers.get("retry-after")]).toEqual([503, "1"]);
});

test("log writer: refuses pushes at once beyond `waitingPushesMax`", async () => {
  const { promise: isRefused, resolve: refused } = Promise.withResolvers<void>();
  // The first batch is written only after a refusal, however slowly the pushes arrive.
  const store = tampered(memory(), async (write) => {
    await isRefused;
    return write();
  });
  const server = testServer({ store, limits: { waitingPushesMax: 3 } });
  const ada = person(server, "ada");
  const statuses = await Promise.all(
    Array.from({ length: 10 }, async (_, n) => {
      const commits = [ada.commit(add(`t${n}`))];
      const { status } = await ada.request("commits", { after: null, domain: 1, commits });
      if (status === 503) refused();
      return status;
    }),
  );
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(3);
  expect(statuses.filter((status) => status === 503).length).toBeGreaterThan(0);
});

test("log writer: close settles the running push and refuses the next one", async () => {
  let begin = (): void => {};
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const server = testServer({
    permit: async (_, { action }) => (action === "write" && begin(), wait(20).then(() => true)),
  });
  const ada = person(server, "ada");
  const running = ada.push([ada.commit(add("t1"))]);
  await begun;
  const closed = server.close();
  expect((await running).outcomes).toMatchObject([{ outcome: "recorded" }]);
  await closed;
  const late = await ada.request("commits", { after: null, domain: 1, commits: [ada.commit(add("t2"))] });
  expect([late.status, await late.json()]).toMatchObject([503, { error: { code: "restarting", retryAfterMs: 1000 } }]);
});

test.each<[string, (text: string) => string]>([
  ["cannot be parsed", (text) => text.slice(9)],
  ["has lost its events", (text) => text.replace('"events"', '"dvents"')],
  ["has invalid events", (text) => text.replace(/"events":.*/, '"events":[null]}')],
  ["names another stream", (text) => text.replace("task/t1", "task/q1")],
  ["has another version", (text) => text.replace('"version":1', '"version":3')],
])("log writer: if a record %s, only its stream is unreadable", async (_, damage) => {
  const store = memory();
  const server = testServer({ store });
  const ada = person(server, "ada");
  await ada.push([ada.commit(add("t1")), ada.commit(add("t2"))]);
  const readStream = store.readStream.bind(store);
  store.readStream = async (log, stream, after, limit) =>
    (await readStream(log, stream, after, limit)).map((record) =>
      stream === "task/t1" ? { ...record, text: damage(record.text) } : record,
    );
  const other = person(testServer({ store }), "ada");
  expect(
    await other.outcomes(
      other.commit({ ...task.command.complete("t1"), seen: 1 }),
      other.commit({ ...task.command.complete("t2"), seen: 1 }),
    ),
  ).toMatchObject([{ code: "stream-unreadable" }, { outcome: "recorded" }]);
});

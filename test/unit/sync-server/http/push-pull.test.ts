// Pushing and pulling: the responses to each kind of push. Rules P1 to P13 of docs/protocol.md.
import { expect, test } from "vitest";
import { type Outcome, type PushAnswer } from "../../../../src/core/wire/messages.ts";
import { LIMITS } from "../../../../src/core/history/limits.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { column, domain, task } from "../../../support/board-domain.ts";
import { person, testServer } from "../../../support/sync-requests.ts";
import * as tasks from "../../../support/task-domain.ts";
import { parseOwnJson } from "../../../support/own-json.ts";
import { matching, anyText } from "../../../support/matchers.ts";
import type { Json } from "../../../../src/core/values/json.ts";

const add = (id: string, title = "Milk") => task.command.add(id, { title, column: "todo" });
const kinds = (outcomes: readonly Outcome[]) =>
  outcomes.map((one) => (one.outcome === "rejected" ? one.code : one.outcome));

test("push: records the commits, and its answer contains the records", async () => {
  const ada = person(testServer(), "ada");
  const answer = await ada.push([ada.commit(add("t1")), ada.commit(add("t2"), task.command.complete("t2"))]);
  expect(kinds(answer.outcomes)).toEqual(["recorded", "recorded"]);
  expect(
    answer.records.map(({ position, events }) => [position, events.map(({ type, version }) => `${type} ${version}`)]),
  ).toEqual([
    [1, ["TaskAdded 1"]],
    [2, ["TaskAdded 1", "TaskCompleted 2"]],
  ]);
  expect(answer.outcomes[1]).toMatchObject({ at: answer.cursor });
  expect(answer).toMatchObject({ head: 3, more: false, after: null });
  expect((await ada.pull()).records).toEqual(answer.records);
});

test("P4 push: the same push again gets the same outcomes and adds nothing", async () => {
  const ada = person(testServer(), "ada");
  const commits = [
    ada.commit(add("t1")),
    ada.commit(task.command.complete("nothing")),
    ada.commit(task.command.rename("nothing", { title: "x" })),
  ];
  const first = await ada.push(commits);
  expect(kinds(first.outcomes)).toEqual(["recorded", "empty", "no-such-task"]);
  const again = await ada.push(commits, first.cursor);
  expect(again.outcomes).toEqual(first.outcomes);
  expect(again).toMatchObject({ records: [], head: 1 });
});

test("P4 push: a rejected commit that is pushed again gets the same rejection", async () => {
  const ada = person(testServer(), "ada");
  const early = ada.commit(task.command.rename("t1", { title: "x" }));
  expect(kinds(await ada.outcomes(early))).toEqual(["no-such-task"]);
  await ada.push([ada.commit(add("t1"))]);
  expect(kinds(await ada.outcomes(early))).toEqual(["no-such-task"]);
});

test("P4 push: a commit twice in one push or in two pushes is recorded once", async () => {
  const ada = person(testServer(), "ada");
  const commit = ada.commit(add("t1"));
  const [one, other] = await Promise.all([ada.push([commit, commit]), ada.push([commit])]);
  expect(new Set([...one.outcomes, ...other.outcomes].map((outcome) => JSON.stringify(outcome))).size).toBe(1);
  expect(await ada.pull()).toMatchObject({ head: 1 });
});

test("P4 push: another actor's id is taken, and the outcome reveals nothing else", async () => {
  const server = testServer();
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  const hers = ada.commit(add("t1", "a secret of Ada"));
  await ada.push([hers]);
  const his = { ...bob.commit(add("t2")), id: hers.id };
  const [outcome] = await bob.outcomes(his);
  expect(outcome).toEqual({
    id: hers.id,
    outcome: "rejected",
    command: 0,
    code: "id-taken",
    message: anyText(),
  });
  expect(kinds(await ada.outcomes(hers))).toEqual(["recorded"]);
});

test.each([
  ["memory", memory],
  ["sqlite", () => sqlite(":memory:")],
])("P4 push: actors rejected under one id each get their own outcome again (%s)", async (_, store) => {
  const server = testServer({ store: store() });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  const hers = ada.commit(task.command.rename("t1", { title: "x" }));
  const his = { ...bob.commit(task.command.rename("t1", { title: "y" })), id: hers.id };
  const rejections = [await ada.outcomes(hers), await bob.outcomes(his)];
  expect(rejections.map(kinds)).toEqual([["no-such-task"], ["no-such-task"]]);
  await ada.push([ada.commit(add("t1"))]);
  expect([await ada.outcomes(hers), await bob.outcomes(his)]).toEqual(rejections);
  await server.close();
});

test.each([
  ["memory", memory],
  ["sqlite", () => sqlite(":memory:")],
])("P4 push: an actor rejected under another actor's id does not affect its author (%s)", async (_, store) => {
  const server = testServer({
    store: store(),
    permit: ({ actor }, { action }) => action === "read" || actor === "ada",
  });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  for (const order of ["before", "after"]) {
    const hers = ada.commit(add(`t${order.length}`));
    const his = { ...bob.commit(add("t9")), id: hers.id };
    const first = order === "before" ? await bob.outcomes(his) : null;
    const recorded = await ada.outcomes(hers);
    const last = order === "after" ? await bob.outcomes(his) : null;
    expect(kinds(recorded), order).toEqual(["recorded"]);
    expect(kinds(first ?? last ?? []), order).toEqual([first ? "forbidden" : "id-taken"]);
    expect([await ada.outcomes(hers), await bob.outcomes(his)], order).toEqual([recorded, first ?? last]);
  }
  expect(await ada.pull()).toMatchObject({ head: 2 });
  await server.close();
});

test("P4 push: of two actors with one id in one batch, a rejected one does not block the other", async () => {
  const server = testServer({ permit: ({ actor }, { action }) => action === "read" || actor === "ada" });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  const hers = ada.commit(add("t1"));
  const his = { ...bob.commit(add("t2")), id: hers.id };
  const [refused, recorded] = await Promise.all([bob.outcomes(his), ada.outcomes(hers)]);
  expect(kinds(recorded)).toEqual(["recorded"]);
  expect(refused).toMatchObject([{ outcome: "rejected", code: matching(/^(forbidden|id-taken)$/) }]);
  expect([await bob.outcomes(his), await ada.outcomes(hers)]).toEqual([refused, recorded]);
});

test("P4 push: a rejected actor gets its outcome again while another actor takes the id", async () => {
  const server = testServer();
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  const hers = ada.commit(task.command.rename("nothing", { title: "x" }));
  const first = await ada.outcomes(hers, ada.commit(add("t1")));
  const [his, again] = await Promise.all([bob.outcomes({ ...bob.commit(add("t2")), id: hers.id }), ada.outcomes(hers)]);
  expect([kinds(his), again]).toEqual([["recorded"], first.slice(0, 1)]);
  expect(await ada.outcomes(hers)).toEqual(again);
});

test("P7 push: an answer over 2 MiB stops early, and the unanswered commits are pushed again", async () => {
  const server = testServer({ limits: { outcomesPerActorMax: 1_000 } });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  await ada.push([ada.commit(add("t1"))]);
  for (let n = 0; n < 20; n++) await ada.push([ada.commit(task.command.note("t1", { text: "x".repeat(3_000) }))]);
  const commits = Array.from({ length: 200 }, () => bob.commit(task.command.claim("t1", { title: "Bread" })));
  const first = await bob.outcomes(...commits);
  expect(first.length).toBeGreaterThan(10);
  expect(JSON.stringify(first).length).toBeLessThan(3 * 1024 * 1024);
  expect((await bob.outcomes(...commits)).map(({ id }) => id)).toEqual(first.map(({ id }) => id));
  let left = commits.slice(first.length);
  while (left.length > 0) left = left.slice((await bob.outcomes(...left)).length);
  expect(kinds(await bob.outcomes(...commits.slice(-1)))).toEqual(["conflict"]);
});

test("P7 push: repeated reads of a long stream end the answer early and delay no other log", async () => {
  const server = testServer({ store: sqlite(":memory:") });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  const other = person(server, "ada", { log: "other" });
  await ada.push([ada.commit(add("t1"))]);
  for (let n = 0; n < 20; n++)
    await ada.push(
      Array.from({ length: 10 }, () =>
        ada.commit(...Array.from({ length: 100 }, () => task.command.note("t1", { text: "x" }))),
      ),
    );
  const commits = Array.from({ length: 40 }, (_, n) =>
    bob.commit({ ...task.command.note("t1", { text: "y" }), seen: n + 1 }),
  );
  let answered = false;
  const heavy = bob.outcomes(...commits).finally(() => (answered = true));
  let turns = 0;
  while (!answered) {
    await other.pull();
    await new Promise((resolve) => setImmediate(resolve));
    turns++;
  }
  const outcomes = await heavy;
  expect(turns).toBeGreaterThan(10);
  expect(outcomes.length).toBeGreaterThan(0);
  expect(outcomes.length).toBeLessThan(commits.length);
  expect(new Set(kinds(outcomes))).toEqual(new Set(["recorded"]));
  await server.close();
});

test("P7 push: each bad commit gets its own outcome, and the good commits are recorded", async () => {
  const ada = person(testServer(), "ada");
  const good = [ada.commit(add("t1")), ada.commit(add("t2")), ada.commit(add("t3"))];
  const command = ada.commit(add("x")).commands[0];
  const invalidInput = ada.commit(task.command.add("t4", { title: "", column: "todo" }));
  const unknownAggregate = ada.commit({ stream: "planet/p1", name: "add", v: 1 });
  const unknownCommand = ada.commit({ stream: "task/t1", name: "explode", v: 1 });
  const noForm = { ...ada.commit(add("t5")), commands: "many" };
  const badStream = { ...ada.commit(add("t6")), commands: [{ ...command, stream: "task/../t1" }] };
  const noActor = { id: crypto.randomUUID() };
  const polluting = parseOwnJson<Json>(
    JSON.stringify(ada.commit(add("t7"))).replace('"title"', '"__proto__":{"polluted":true},"title"'),
  );
  const push = [
    good[0],
    invalidInput,
    unknownAggregate,
    good[1],
    unknownCommand,
    noForm,
    badStream,
    noActor,
    polluting,
    good[2],
  ];
  const answer = await ada.push(push);
  expect(kinds(answer.outcomes)).toEqual([
    "recorded",
    "invalid-input",
    "unknown-aggregate",
    "recorded",
    "unknown-command",
    "invalid-commit",
    "invalid-commit",
    "invalid-commit",
    "invalid-commit",
    "recorded",
  ]);
  expect(answer.outcomes[1]).toMatchObject({ command: 0, path: ["title"] });
  expect(answer.records).toHaveLength(3);
  expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  // Their outcomes are kept like all others.
  expect((await ada.push(push)).outcomes).toEqual(answer.outcomes);
});

test("P1 P10 push: events, positions, versions and receipt times of a client are not stored", async () => {
  const ada = person(testServer(), "ada");
  const commit = ada.commit(add("t1"));
  const forged = {
    ...commit,
    position: 99,
    mark: "forged",
    received: 1,
    version: 7,
    commands: commit.commands.map((command) => ({
      ...command,
      events: [{ type: "TaskCompleted", v: 1, data: { forged: true } }],
    })),
  };
  const { records } = await ada.push([forged]);
  expect(records).toHaveLength(1);
  expect(records[0]).toMatchObject({
    position: 1,
    events: [{ type: "TaskAdded", version: 1, data: { title: "Milk", column: "todo" } }],
  });
  expect(JSON.stringify(records)).not.toContain("forged");
  expect(Math.abs((records[0]?.received ?? 0) - Date.now())).toBeLessThan(60_000);
});

test("P9 push: a command of a newer domain stops the batch, and earlier outcomes stay", async () => {
  const ada = person(testServer(), "ada");
  const commits = [
    ada.commit(add("t1")),
    ada.commit({ stream: "planet/p1", name: "add", v: 1 }),
    ada.commit(add("t2")),
  ];
  const newer = await ada.push(commits, null, 2);
  expect(kinds(newer.outcomes)).toEqual(["recorded"]);
  expect(newer.stopped).toEqual({ id: commits[1]?.id, code: "later" });
  expect(kinds((await ada.push(commits)).outcomes)).toEqual(["recorded", "unknown-aggregate", "recorded"]);
});

test("P9 push: a stream with an event of a newer domain stops the batch too", async () => {
  const store = memory();
  // The next release of the domain has one more event.
  const { definition } = domain;
  const old = definition.aggregates.get("column");
  if (!old) throw new Error("the board has columns");
  const events = new Map([...old.events].filter(([type]) => type !== "ColumnRemoved"));
  const before = testServer({
    store,
    domain: {
      definition: { ...definition, aggregates: new Map([...definition.aggregates, ["column", { ...old, events }]]) },
    },
  });
  const ada = person(testServer({ store }), "ada");
  await ada.push([ada.commit(column.command.add("todo", { name: "To do" }), column.command.remove("todo"))]);
  const bob = person(before, "bob");
  const commit = bob.commit({ ...column.command.add("todo", { name: "Again" }), seen: 2 });
  expect((await bob.push([commit], null, 2)).stopped).toEqual({ id: commit.id, code: "later" });
  expect(kinds(await bob.outcomes(commit))).toEqual(["stream-unreadable"]);
});

test("P7 push: a commit too large as sent or as decided is rejected as `too-large`", async () => {
  const small = person(testServer({ limits: { commitBytesMax: 1_000 } }), "ada");
  const sent = small.commit({ ...task.command.note("t1", { text: "x".repeat(1_000) }) });
  // Two-byte characters, because the limit is in bytes.
  const umlauts = small.commit(task.command.note("t1", { text: "ü".repeat(450) }));
  expect(
    kinds(await small.outcomes(small.commit(add("t1")), sent, umlauts, small.commit(task.command.complete("t1")))),
  ).toEqual(["recorded", "too-large", "too-large", "recorded"]);
  // Small as sent, but each of its lines becomes an event.
  const server = testServer({ domain: tasks.taskDomain, limits: { commitBytesMax: 3_000 } });
  const ada = person(server, "ada");
  const decided = ada.commit(
    tasks.task.command.add("t1", { title: "Milk", column: "todo" }),
    tasks.task.command.checklist("t1", { lines: Array.from({ length: 30 }, () => "x") }),
  );
  expect(JSON.stringify(decided).length).toBeLessThan(3_000);
  expect(kinds(await ada.outcomes(decided))).toEqual(["too-large"]);
});

test("P13 push: a time years ahead is clamped and marked, and the commit is recorded", async () => {
  const ada = person(testServer(), "ada");
  const { records } = await ada.push([{ ...ada.commit(add("t1")), time: Date.UTC(2500, 0) }]);
  expect(records[0]).toMatchObject({ clamped: true });
  expect(records[0]?.time).toBeLessThan(Date.now() + 25 * 3_600_000);
});

test("P11 log: begins with its first record, and a rejection before it leaves it empty", async () => {
  const server = testServer({ permit: ({ actor }, request) => request.action === "read" || actor === "ada" });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  expect(await (await ada.request("")).json()).toEqual({
    protocol: 1,
    encodings: ["gzip"],
    cursor: null,
    head: 0,
    domain: 1,
    limits: LIMITS,
  });
  expect(kinds(await bob.outcomes(bob.commit(add("t1"))))).toEqual(["forbidden"]);
  expect(await (await bob.request("")).json()).toMatchObject({ cursor: null, head: 0 });
  await ada.push([ada.commit(add("t1"))]);
  expect(kinds(await bob.outcomes(bob.commit(add("t2"))))).toEqual(["forbidden"]);
  expect(await (await bob.request("")).json()).toMatchObject({ head: 1 });
});

test("P7 permit: rejects by stream, by command and by the decided events", async () => {
  const server = testServer({
    permit: (_, request) =>
      request.action === "read" ||
      (request.action === "write"
        ? request.stream !== "task/locked" && request.command !== "claim"
        : request.events.every(({ type }) => type !== "TaskCompleted")),
  });
  const ada = person(server, "ada");
  const outcomes = await ada.outcomes(
    ada.commit(add("locked")),
    ada.commit(add("t1")),
    ada.commit(add("t2"), task.command.claim("t1", { title: "x" })),
    ada.commit(task.command.complete("t1")),
    ada.commit(task.command.rename("t1", { title: "y" })),
  );
  expect(kinds(outcomes)).toEqual(["forbidden", "recorded", "forbidden", "forbidden", "recorded"]);
  expect(outcomes[2]).toMatchObject({ command: 1 });
});

test("P2 pull: pages end at records and follow each other without a gap", async () => {
  const ada = person(testServer({ limits: { pageEventsMax: 3 } }), "ada");
  await ada.push([
    ada.commit(add("t1"), task.command.complete("t1")),
    ada.commit(add("t2"), task.command.complete("t2")),
    ada.commit(add("t3")),
  ]);
  const first = await ada.pull();
  expect(first).toMatchObject({ head: 5, more: true });
  expect(first.records).toHaveLength(1);
  const second = await ada.pull(first.cursor);
  expect(second.records.map(({ position }) => position)).toEqual([3, 5]);
  expect(second).toMatchObject({ after: first.cursor, more: false });
  const limited = await ada.request("records?limit=1");
  expect(await limited.json()).toMatchObject({ more: true, head: 5 });
});

test("P26 pull: a page stays within the bytes of its request, and within the server's limit", async () => {
  const ada = person(testServer({ limits: { pageBytesMax: 4_000 } }), "ada");
  await ada.push(Array.from({ length: 20 }, (_, n) => ada.commit(add(`t${n}`))));
  const recordsOf = async (query: string) => {
    const text = await (await ada.request(`records${query}`)).text();
    const page = parseOwnJson<{ records: Json[]; more: boolean }>(text);
    return { bytes: page.records.reduce<number>((sum, one) => sum + JSON.stringify(one).length, 0), ...page };
  };
  const one = (await recordsOf("?bytes=1")).records;
  expect(one).toHaveLength(1);
  const asked = await recordsOf("?bytes=1000");
  expect(asked.bytes).toBeLessThanOrEqual(1_000);
  expect([asked.records.length > 1, asked.more]).toEqual([true, true]);
  expect(await recordsOf("?bytes=1000000")).toEqual(await recordsOf(""));
  expect((await recordsOf("")).bytes).toBeLessThanOrEqual(4_000);
  for (const bytes of ["0", "-1", "x", "1.5"]) expect((await ada.request(`records?bytes=${bytes}`)).status).toBe(400);
});

test("P26 push: its answer stays within the bytes of its request, and 0 means no records", async () => {
  const ada = person(testServer(), "ada");
  await ada.push(Array.from({ length: 20 }, (_, n) => ada.commit(add(`t${n}`))));
  const push = async (bytes: number | undefined) => {
    const commits = [ada.commit(add(crypto.randomUUID()))];
    const response = await ada.request("commits", { after: null, domain: 1, bytes, commits });
    return parseOwnJson<PushAnswer>(await response.text());
  };
  const none = await push(0);
  expect(none).toMatchObject({ records: [], cursor: null, head: 21, more: true });
  expect(kinds(none.outcomes)).toEqual(["recorded"]);
  expect((await push(1)).records).toHaveLength(1);
  expect((await push(1_000)).records.length).toBeLessThan(10);
  expect((await push(undefined)).records).toHaveLength(24);
});

test("P2 push: the answer has at most `frameBytesMax` of records, and the rest can be pulled", async () => {
  const ada = person(testServer({ limits: { frameBytesMax: 1_000 } }), "ada");
  const commits = Array.from({ length: 10 }, (_, n) => ada.commit(add(`t${n}`)));
  // The first answer comes from the batch, the second one from the store or from memory.
  for (const answer of [await ada.push(commits), await ada.push(commits)]) {
    expect(answer.outcomes).toHaveLength(10);
    expect(answer).toMatchObject({ after: null, head: 10, more: true });
    expect(answer.records.length).toBeGreaterThan(0);
    expect(JSON.stringify(answer.records).length).toBeLessThan(1_100);
    const rest = await ada.pull(answer.cursor);
    expect([...answer.records, ...rest.records].map(({ commit }) => commit)).toEqual(commits.map(({ id }) => id));
  }
});

test("streams: a stream can be read alone, from a version on", async () => {
  const ada = person(testServer(), "ada");
  await ada.push([
    ada.commit(add("t1")),
    ada.commit(add("t2")),
    ada.commit(task.command.complete("t1")),
    ada.commit(column.command.add("todo", { name: "To do" })),
  ]);
  const all = parseOwnJson<{ records: { events: { stream: string }[] }[] }>(
    await (await ada.request("streams/task/t1")).text(),
  );
  expect(all).toMatchObject({ stream: "task/t1", after: 0, version: 2, more: false });
  expect(all.records.flatMap(({ events }) => events.map(({ stream }) => stream))).toEqual(["task/t1", "task/t1"]);
  expect(await (await ada.request("streams/task/t1?after=1")).json()).toMatchObject({
    version: 2,
    records: [{ events: [{ type: "TaskCompleted" }] }],
  });
  expect(await (await ada.request("streams/task/nothing")).json()).toMatchObject({ version: 0, records: [] });
  expect((await ada.request("streams/task/a%20b")).status).toBe(400);
});

const RESERVED = "0c8f1d0e-91f5-8a3b-9c55-2f6d0f1a7e44";

test("P30 push: a device's commit with an id of version 8 is rejected, and others are recorded", async () => {
  const ada = person(testServer(), "ada");
  const outcomes = await ada.outcomes({ ...ada.commit(add("t1")), id: RESERVED }, ada.commit(add("t2")));
  expect(kinds(outcomes)).toEqual(["reserved-id", "recorded"]);
  expect((await ada.pull()).records).toHaveLength(1);
});

test("P30 push: a rejected device does not block the server's own code", async () => {
  const server = testServer();
  const ada = person(server, "ada");
  await ada.outcomes({ ...ada.commit(add("t1")), id: RESERVED });
  const done = await server.log("board").execute(add("t1"), { id: RESERVED, actor: "~mailer" });
  expect(done.outcome).toBe("recorded");
});

test("P30 push: a sender whose old record has such an id gets its outcome", async () => {
  for (const store of [memory(), sqlite(":memory:")]) {
    const server = testServer({ store });
    await server.log("board").execute(add("t1"), { id: RESERVED, actor: "ada" });
    // A new server on the store knows no id from its memory.
    const ada = person(testServer({ store }), "ada");
    expect(kinds(await ada.outcomes({ ...ada.commit(add("t1")), id: RESERVED }))).toEqual(["recorded"]);
    const bob = person(testServer({ store }), "bob");
    expect(kinds(await bob.outcomes({ ...bob.commit(add("t1")), id: RESERVED }))).toEqual(["id-taken"]);
    await server.close();
  }
});

// Releases that meet: a Worker and an object of two releases, a page and an object, and a deploy under open sockets.
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Cursor } from "../../src/core/history/record.ts";
import { wireCursor } from "../../src/core/wire/messages.ts";
import { first, releases, second, third } from "../support/release-domain.ts";
import { person, type Person, testServer } from "../support/sync-requests.ts";
import { newLog } from "./log-object.ts";
import { app, releaseServers } from "./worker.ts";

type Release = keyof typeof releases;
type Log = ReturnType<typeof newLog>;

beforeEach(() => void (app.release = "first"));
afterEach(() => {
  const errors = app.errors.splice(0);
  if (errors.length > 0) throw new AggregateError(errors, "onError received errors");
});

/** A log, reached through the Worker of a release. */
const logThrough = (release: Release, log?: string): Log =>
  newLog(releaseServers[release].worker, env.RELEASE_LOGS, log);

/** Starts the object of a log again, with another release. */
const deploy = async ({ evict }: Log, release: Release): Promise<void> => {
  app.release = release;
  await evict();
};

const add = (id: string) => first.command.add(id, { title: "Milk" });

test.each([
  ["first", "second"],
  ["second", "first"],
  ["first", "third"],
] as const)("releases: a Worker of the %s release works with an object of the %s", async (ofWorker, ofObject) => {
  app.release = ofObject;
  const log = logThrough(ofWorker);
  const [ada, bob] = [log.person("ada"), log.person("bob")];
  const parcel = ofObject === "third" ? third.command.add("p1", { title: "Milk", weight: 1 }) : add("p1");
  const answer = await ada.push([ada.commit(parcel)]);
  expect(answer).toMatchObject({ outcomes: [{ outcome: "recorded" }], domain: releases[ofObject].definition.version });
  expect(await bob.pull()).toMatchObject({ head: 1 });
  const socket = await log.live("token-of-bob");
  expect(await socket.next("records")).toMatchObject({ records: [{ position: 1, actor: "ada" }] });
  expect((await ada.request("streams/parcel/p1")).status).toBe(200);
  app.refused.add("bob");
  expect((await bob.request("records")).status).toBe(403);
  app.refused.delete("bob");

  const archive = await (await ada.request("export")).text();
  const other = logThrough(ofWorker);
  const moved = archive.replaceAll(`"${log.log}"`, `"${other.log}"`);
  const { logs } = releaseServers[ofWorker];
  expect(await logs(env).importLog(other.log, moved)).toMatchObject({ records: 1 });
  expect(await (await other.person("bob").request("export")).text()).toBe(moved);
  await logs(env).drop(log.log);
  expect(await socket.next("bye")).toMatchObject({ code: "gone" });
  expect((await ada.request("")).status).toBe(410);
});

test("releases: a deploy keeps open sockets, presence and tickets, and no record is missed", async () => {
  const log = logThrough("first");
  const ada = log.person("ada");
  let cursor: Cursor | null = null;
  const push = async (page: Person, id: string) => void ({ cursor } = await page.push([page.commit(add(id))], cursor));
  await push(ada, "p0");
  const sockets = [await log.live("token-of-ada", cursor), await log.live("token-of-bob", cursor)] as const;
  const client = crypto.randomUUID();
  sockets[0].send({ type: "presence", client, data: "here" });
  await sockets[1].next("presence");
  const ticket = await log.ticket("token-of-bob");
  const steps: readonly Release[] = ["second", "first", "second"];
  for (const [step, release] of steps.entries()) {
    await deploy(log, release);
    const after = cursor;
    await push(ada, `p${step + 1}`);
    for (const socket of sockets)
      expect(await socket.next("records")).toMatchObject({ after, cursor, records: [{ position: step + 2 }] });
  }
  const { status, webSocket } = await logThrough("second", log.log).upgrade({ ticket });
  expect(status).toBe(101);
  webSocket?.accept();
  const late = await log.live("token-of-bob", cursor);
  expect(await late.next("presence")).toMatchObject({ set: [{ client, actor: "ada", data: "here" }] });
});

test("releases: pages of other releases get the same answers as on Node, also over a deploy", async () => {
  const log = logThrough("third");
  const node = { first: testServer({ domain: releases.first }), third: testServer({ domain: releases.third }) };
  /** The answers to pages of several releases, without ids and marks. */
  const answers = async (ada: Person) => {
    const of = async (commits: readonly unknown[], page: number) => {
      const { outcomes, stopped, domain } = await ada.push(commits, null, page);
      return {
        domain,
        stopped: stopped?.code ?? null,
        outcomes: outcomes.map((outcome) => ({ ...outcome, id: "", at: null, received: 0 })),
      };
    };
    return [
      await of([ada.commit(add("p1")), ada.commit(first.command.drop("p1"))], 1),
      await of([ada.commit(third.command.add("p2", { title: "Bread", weight: 2 }))], 3),
      await of([ada.commit({ stream: "letter/l1", name: "send", v: 1 })], 4),
      await of(
        [ada.commit(second.command.add("p3", { title: "Jam", weight: 1, place: { street: "A", floor: 2 } }))],
        2,
      ),
    ];
  };
  for (const release of ["first", "third"] as const) {
    app.release = release;
    const fresh = logThrough("third");
    expect(await answers(fresh.person("ada")), release).toEqual(await answers(person(node[release], "ada")));
  }
  // The same log, on which the old release decided first.
  app.release = "first";
  const ada = log.person("ada");
  await ada.push([ada.commit(add("p0"))], null, 1);
  await deploy(log, "third");
  const late = ada.commit(add("p9"));
  expect(await ada.push([late], null, 1)).toMatchObject({ domain: 3, outcomes: [{ code: "outdated" }] });
  await deploy(log, "first");
  // The outcome stays, also after the release went back.
  expect(await ada.push([late], null, 1)).toMatchObject({ domain: 1, outcomes: [{ code: "outdated" }] });
  expect((await ada.pull()).head).toBe(1);
});

test("releases: an object checks itself what an older Worker did not check", async () => {
  const { stub, log } = logThrough("first");
  const send = (headers: Record<string, string>) => stub.fetch(`https://example.org/sync/logs/${log}`, { headers });
  const principal = (value: object) => encodeURIComponent(JSON.stringify(value));
  app.permitted.length = 0;
  expect((await send({ "dacapo-principal": principal({ actor: "ada" }) })).status).toBe(200);
  expect(app.permitted).toEqual(["read"]);
  app.refused.add("bob");
  expect((await send({ "dacapo-principal": principal({ actor: "bob" }) })).status).toBe(403);
  app.refused.delete("bob");
});

test("releases: an object ignores what a later Worker adds", async () => {
  const { stub, log } = logThrough("first");
  const headers = {
    "dacapo-principal": encodeURIComponent(JSON.stringify({ actor: "ada", team: "7", scopes: ["a"] })),
    "dacapo-checked": "read",
    "dacapo-region": "weur",
  };
  expect((await stub.fetch(`https://example.org/sync/logs/${log}/records?shape=2`, { headers })).status).toBe(200);
});

test("releases: a sender that an object cannot read is 503, never a sign-out", async () => {
  const { stub, log } = logThrough("first");
  for (const text of ["v2.sealed", "%7B", "%"]) {
    const headers = { "dacapo-principal": text };
    const { status, headers: answered } = await stub.fetch(`https://example.org/sync/logs/${log}`, { headers });
    expect(status, text).toBe(503);
    expect(answered.get("retry-after")).toBe("1");
  }
  expect(app.errors.splice(0)).toHaveLength(3);
});

test("releases: a socket of another release resumes, or closes and reconnects. None stays deaf", async () => {
  const log = logThrough("first");
  const ada = log.person("ada");
  const { cursor } = await ada.push([ada.commit(add("p0"))]);
  const sockets = await Promise.all(
    ["old", "later", "text", "shape", "nobody"].map(() => log.live("token-of-bob", cursor)),
  );
  await runInDurableObject(log.stub, (_, ctx) => {
    const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
    const attachments = [
      bytes({ log: log.log, cursor: wireCursor(cursor), principal: { actor: "bob" }, presence: null }),
      bytes({ log: log.log, cursor: wireCursor(cursor), principal: { actor: "bob" }, presence: null, v: 2, more: [1] }),
      new TextEncoder().encode("v2:sealed"),
      { version: 2 },
      bytes({ log: log.log, cursor: null }),
    ];
    for (const [n, socket] of ctx.getWebSockets().entries()) socket.serializeAttachment(attachments[n]);
  });
  await deploy(log, "second");
  const { cursor: next } = await ada.push([ada.commit(add("p1"))], cursor);
  const received = () => sockets.filter(({ frames }) => frames.some(({ type }) => type === "records"));
  await expect.poll(() => received().length).toBe(2);
  for (const { frames } of received()) expect(frames.at(-1)).toMatchObject({ after: cursor, cursor: next });
  await expect.poll(() => sockets.filter((socket) => socket.isClosed()).length).toBe(3);
});

test("releases: an object whose tables are newer answers 503 and reports it, and its log is kept", async () => {
  const log = logThrough("first");
  const ada = log.person("ada");
  await ada.push([ada.commit(add("p0"))]);
  const setLayout = (change: number) =>
    runInDurableObject(log.stub, (_, { storage }) =>
      storage.sql.exec("update dacapo_layout set version = version + ?", change),
    );
  await setLayout(1);
  await log.evict();
  const { status, headers } = await ada.request("records");
  expect({ status, retryAfter: headers.get("retry-after") }).toEqual({ status: 503, retryAfter: "1" });
  expect(app.errors.splice(0)).toMatchObject([
    { message: expect.stringContaining("written by a newer Dacapo") as string },
  ]);
});

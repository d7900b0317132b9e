// Rights that end: sockets close within a minute, and a refused reader learns nothing about a log.
import { afterEach, expect, test } from "vitest";
import { device, type Tab, until } from "../../../support/device.ts";
import type { Authorize, Permit } from "../../../../src/sync-server/app.ts";
import { runtimeEnv } from "../../../../src/sync-server/base/env.ts";
import { HttpRefusal } from "../../../../src/sync-server/base/http-refusal.ts";
import { SERVER_LIMITS } from "../../../../src/sync-server/base/limits.ts";
import { createLiveHub, type LiveHubOptions } from "../../../../src/sync-server/live/hub.ts";
import type { LiveSocket } from "../../../../src/sync-server/live/server-socket.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { domain, task } from "../../../support/board-domain.ts";
import { startServer } from "../../../support/server.ts";
import { person, testServer } from "../../../support/sync-requests.ts";
import { parseOwnJson } from "../../../support/own-json.ts";

const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });
const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

/** A hub on a fake clock, with one open socket. */
async function openSocket(
  checkReader: () => Promise<void>,
  principal: { readonly actor: string; readonly expiresAt?: number } = { actor: "ada" },
  begin = 1_000_000,
  tokenReader: LiveHubOptions["tokenReader"] = () => Promise.resolve(principal),
) {
  let now = begin;
  /** A clock that never jumps. Timers use it. */
  let passed = 0;
  let timers: { readonly at: number; readonly run: () => void }[] = [];
  const goodbyes: { readonly at: number; readonly code: string }[] = [];
  const terminatedAt: number[] = [];
  const sent: string[] = [];
  const hub = createLiveHub({
    store: memory(),
    limits: SERVER_LIMITS,
    ticks: true,
    report: () => {},
    checkReader,
    tokenReader,
    env: { ...runtimeEnv, now: () => now, setTimer: (run, ms) => (timers.push({ at: passed + ms, run }), () => {}) },
  });
  const socket: LiveSocket = {
    bufferedBytes: 0,
    send: (text) => void sent.push(text),
    save: () => {},
    terminate: () => void terminatedAt.push(passed),
    close: (_, code) => void goodbyes.push({ at: passed, code }),
  };
  const connection = hub.join(socket, { log: "board", cursor: null, principal, presence: null });
  return {
    goodbyes,
    terminatedAt,
    sent,
    sendToken: (token: string) => connection.receive(JSON.stringify({ type: "token", token })),
    setClock: (ms: number) => {
      now += ms;
    },
    pass: async (ms: number, pings = true) => {
      for (const end = passed + ms; passed < end;) {
        passed += 1_000;
        now += 1_000;
        if (pings) connection.receive('{"type":"ping"}');
        const due = timers.filter(({ at }) => at <= passed);
        timers = timers.filter(({ at }) => at > passed);
        for (const { run } of due) run();
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    },
  };
}

test("recheckRights: a socket closes within a minute after its holder lost the right to read", async () => {
  for (const lostAfter of [0, 13_000, 39_000, 41_000, 79_000]) {
    let allowed = true;
    const { goodbyes, pass } = await openSocket(async () => {
      if (!allowed) throw new HttpRefusal("forbidden");
    });
    await pass(lostAfter);
    allowed = false;
    await pass(120_000);
    expect(goodbyes).toMatchObject([{ code: "forbidden" }]);
    expect((goodbyes[0]?.at ?? 0) - lostAfter).toBeLessThanOrEqual(60_000);
  }
});

test("recheckRights: a clock set back does not keep silent or forbidden sockets longer", async () => {
  let allowed = true;
  const checkReader = async () => {
    if (!allowed) throw new HttpRefusal("forbidden");
  };
  const [reading, silent] = [
    await openSocket(checkReader, undefined, Date.now()),
    await openSocket(async () => {}, undefined, Date.now()),
  ];
  for (const { pass, setClock } of [reading, silent]) {
    await pass(5_000);
    setClock(-12 * 3_600_000);
  }
  allowed = false;
  await reading.pass(60_000);
  expect(reading.goodbyes).toMatchObject([{ code: "forbidden" }]);
  await silent.pass(95_000, false);
  expect(silent.terminatedAt[0]).toBeLessThanOrEqual(100_000);
});

test("recheckRights: a socket closes when the token that opened it expires", async () => {
  let now = Date.now();
  const end = now + 10_000;
  const server = testServer({
    authorize: () => ({ actor: "ada", expiresAt: end }),
    env: { ...runtimeEnv, now: () => now },
  });
  const { ticket } = parseOwnJson<{ ticket: string }>(
    await (await person(server, "ada").request("tickets", {})).text(),
  );
  now = end;
  const late = await server.live.open(new Request(`http://localhost/?ticket=${ticket}`), "board");
  expect(late.kind === "refused" && late.response.status).toBe(401);
  const check = async () => {
    throw new HttpRefusal("unauthorized");
  };
  const { goodbyes, pass } = await openSocket(check, { actor: "ada", expiresAt: 1_005_000 });
  await pass(10_000);
  expect(goodbyes).toEqual([{ at: 5_000, code: "unauthorized" }]);
});

test("P21 live: a socket with a new token of its actor outlives the token that opened it", async () => {
  const principal = { actor: "ada", expiresAt: 1_010_000 };
  const renewed = { actor: "ada", expiresAt: 1_070_000 };
  const { goodbyes, sent, sendToken, pass } = await openSocket(
    async () => {},
    principal,
    undefined,
    async () => renewed,
  );
  await pass(5_000);
  sendToken("new");
  await pass(1_000);
  expect(sent.filter((frame) => frame.includes("renewed"))).toEqual(['{"type":"renewed","expiresInMs":64000}']);
  await pass(50_000);
  expect(goodbyes).toEqual([]);
});

test("P21 live: a token of another actor closes the socket, an invalid one changes nothing", async () => {
  const tokens: Record<string, { readonly actor: string } | null> = { bob: { actor: "bob" }, bad: null };
  const { goodbyes, sent, sendToken, pass } = await openSocket(
    async () => {},
    undefined,
    undefined,
    async (token) => {
      const principal = tokens[token];
      if (!principal) throw new HttpRefusal("unauthorized");
      return principal;
    },
  );
  sendToken("bad");
  await pass(1_000);
  expect([goodbyes, sent.filter((frame) => frame.includes("renewed"))]).toEqual([[], []]);
  sendToken("bob");
  await pass(1_000);
  expect(goodbyes).toMatchObject([{ code: "unauthorized" }]);
});

test("recheckRights: a long failure of permit closes the socket, a short one does not", async () => {
  let answers = true;
  const { goodbyes, pass } = await openSocket(async () => {
    if (!answers) throw new HttpRefusal("unavailable");
  });
  await pass(39_000);
  answers = false;
  await pass(4_000);
  answers = true;
  await pass(60_000);
  expect(goodbyes).toEqual([]);
  answers = false;
  await pass(60_000);
  expect(goodbyes).toMatchObject([{ code: "unavailable" }]);
});

test("access: a forbidden reader gets the same response for open, deleted and absent logs", async () => {
  const server = testServer({ permit: ({ actor }) => actor === "ada" });
  for (const log of ["there", "deleted"]) {
    const ada = person(server, "ada", { log });
    await ada.push([ada.commit(add("t1"))]);
  }
  await server.drop("deleted");
  const answers = await Promise.all(
    ["there", "deleted", "never"].map(async (log) => {
      const bob = person(server, "bob", { log });
      const requests = [
        bob.request(""),
        bob.request("records"),
        bob.request("records?after=1-0000000000000000"),
        bob.request("streams/task/t1"),
        bob.request("export"),
        bob.request("tickets", {}),
        bob.request("commits", { after: null, domain: 1, commits: [] }),
        bob.request("commits", "{"),
        bob.request("live"),
      ];
      return Promise.all(
        requests.map(async (request) => {
          const response = await request;
          return `${response.status} ${JSON.stringify([...response.headers])} ${await response.text()}`;
        }),
      );
    }),
  );
  expect(answers[1]).toEqual(answers[0]);
  expect(answers[2]).toEqual(answers[0]);
  for (const answer of answers[0]?.slice(0, 8) ?? []) expect(answer).toMatch(/^403 .*"forbidden"/);
});

test("P11 access: an absent log reads as an empty one on every route", async () => {
  const server = testServer();
  const ada = person(server, "ada", { log: "new" });
  expect(await (await ada.request("")).json()).toMatchObject({ cursor: null, head: 0 });
  expect(await ada.pull()).toMatchObject({ after: null, records: [], cursor: null, head: 0, more: false });
  expect(await (await ada.request("streams/task/t1")).json()).toMatchObject({ records: [], version: 0, more: false });
  expect(await ada.push([])).toMatchObject({ outcomes: [], cursor: null, head: 0 });
  expect((await ada.request("export")).status).toBe(200);
});

test("permit: a right lost between request and append is checked again, and nothing is written", async () => {
  let allowed = true;
  const store = memory();
  const server = testServer({
    store,
    permit: (_, { action }) => {
      const answer = allowed;
      if (action === "read") allowed = false;
      return answer;
    },
  });
  const ada = person(server, "ada");
  expect(await ada.outcomes(ada.commit(add("t1")))).toMatchObject([{ outcome: "rejected", code: "forbidden" }]);
  expect(await store.head("board")).toEqual({ kind: "open", cursor: null });
});

test("P7 permit: no answer permits nothing, and an invalid expiresAt is unauthorized", async () => {
  // An app without types can forget a `return`, or return a date instead of a number.
  const answers = parseOwnJson<Record<Parameters<Permit>[1]["action"], boolean>>(`{"read":true,"record":true}`);
  const forgetful: Permit = (_, { action }) => answers[action];
  const store = memory();
  const ada = person(testServer({ store, permit: forgetful }), "ada");
  expect(await ada.outcomes(ada.commit(add("t1")))).toMatchObject([{ outcome: "rejected", code: "forbidden" }]);
  expect(await store.head("board")).toEqual({ kind: "open", cursor: null });
  for (const expiresAt of ['"2020-01-01"', '"soon"', "null", "{}", "true", "1e999"]) {
    const authorize: Authorize = () => parseOwnJson(`{"actor":"ada","expiresAt":${expiresAt}}`);
    expect((await person(testServer({ authorize }), "ada").request("")).status, expiresAt).toBe(401);
  }
});

test("live: a large principal on a log with the longest name gets a socket", async () => {
  const log = "l".repeat(128);
  const server = await startServer({
    authorize: (request) => ({ actor: (request.headers.get("authorization") ?? "").slice(7), team: "t".repeat(950) }),
  });
  cleanUp.push(server.close);
  const tab: Tab = await device(domain, log, "ada").open({ url: server.url });
  cleanUp.push(tab.close);
  await until(() => tab.status().connection === "live", "ada is live");
  expect(tab.status()).toMatchObject({ connection: "live", leader: true });
});

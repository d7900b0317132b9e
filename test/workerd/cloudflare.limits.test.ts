// Limits, rates and failures of the app on the edge: the answers are those of a server on Node.
import { env } from "cloudflare:workers";
import { afterEach, expect, test } from "vitest";
import { task } from "../support/board-domain.ts";
import { person, type Person, testServer } from "../support/sync-requests.ts";
import { newLog } from "./log-object.ts";
import { app, limitedOptions, limitedWorker } from "./worker.ts";

const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });
// The Worker counts the requests of an actor over all tests, so each test has an actor of its own.
let actors = 0;
const newActor = () => `actor-${++actors}`;
const overEdge = (actor: string) => newLog(limitedWorker, env.LIMITED_LOGS).person(actor);
const overNode = (actor: string) => person(testServer(limitedOptions), actor);

afterEach(() => void app.errors.splice(0));

/** The status, the headers that a device reads, and the error of an answer. */
async function summary(response: Response) {
  const { error } = await response.json<{ error?: { code: string; message: string; retry: string } }>();
  const { status, headers } = response;
  return {
    status,
    retry: headers.has("retry-after"),
    cache: headers.get("cache-control"),
    error: error && { code: error.code, message: error.message, retry: error.retry },
  };
}

type Attempt = { readonly code: string; readonly send: (ada: Person) => Promise<Response> };
const push = (ada: Person, commits: readonly unknown[]) => ada.request("commits", { after: null, domain: 1, commits });

const attempts: Readonly<Record<string, Attempt>> = {
  "too many commits in a push": {
    code: "push-too-large",
    send: (ada) =>
      push(
        ada,
        Array.from({ length: 6 }, (_, n) => ada.commit(add(`t${n}`))),
      ),
  },
  "too many bytes in a push": {
    code: "push-too-large",
    send: (ada) => push(ada, [ada.commit(task.command.add("t1", { title: "x".repeat(60_000), column: "todo" }))]),
  },
  "too many commits a second": {
    code: "rate-limited",
    send: async (ada) => {
      for (let n = 0; n < 4; n++)
        await push(
          ada,
          [1, 2, 3].map((m) => ada.commit(add(`t${n}-${m}`))),
        );
      return push(
        ada,
        [1, 2, 3].map((m) => ada.commit(add(`t9-${m}`))),
      );
    },
  },
  "too many requests a second": {
    code: "rate-limited",
    send: async (ada) => {
      for (let n = 0; n < 12; n++) await (await ada.request("records")).text();
      return ada.request("records");
    },
  },
  "another actor's commit": {
    code: "actor-mismatch",
    send: (ada) => push(ada, [{ ...ada.commit(add("t1")), actor: "bob" }]),
  },
  "an invalid cursor": { code: "bad-request", send: (ada) => ada.request("records?after=nothing") },
  "a body that is no JSON": { code: "bad-request", send: (ada) => ada.request("commits", "no JSON") },
  "a `permit` that fails": {
    code: "unavailable",
    send: (ada) => {
      app.failing = "read";
      return ada.request("records");
    },
  },
};

test.each(Object.entries(attempts))("limits: %s gets the same answer as on Node", async (_, { code, send }) => {
  const answer = async (ada: Person) => {
    const summarized = await summary(await send(ada));
    app.failing = null;
    return summarized;
  };
  const actor = newActor();
  const edge = await answer(overEdge(actor));
  expect(edge.error?.code).toBe(code);
  expect(edge).toEqual(await answer(overNode(actor)));
});

test("limits: a log has at most `socketsPerActorMax` sockets of an actor, also after a sleep", async () => {
  const log = newLog(limitedWorker, env.LIMITED_LOGS);
  const token = `token-of-${newActor()}`;
  const sockets = [await log.live(token), await log.live(token)];
  const open = async () => (await log.upgrade({ ticket: await log.ticket(token) })).status;
  expect(await open()).toBe(429);
  await log.evict();
  expect(await open()).toBe(429);
  sockets[0]?.close();
  await expect.poll(open).toBe(101);
});

test("onError: receives what the app's functions throw, in the Worker and in the object", async () => {
  const log = newLog(limitedWorker, env.LIMITED_LOGS);
  const bob = log.person(newActor());
  app.failing = "read";
  expect((await bob.request("records")).status).toBe(503);
  app.failing = "write";
  expect((await push(bob, [bob.commit(add("t1"))])).status).toBe(503);
  app.failing = null;
  expect(app.errors).toMatchObject([
    { message: "permit is down" },
    { message: expect.stringContaining("permit failed for commit") as string },
  ]);
});

import { afterEach, expect, test } from "vitest";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import type { Transport } from "../../../../src/client/sync/transport.ts";
import { UnauthorizedError } from "../../../../src/core/values/errors.ts";
import { device, type Tab, until } from "../../../support/device.ts";
import { startServer } from "../../../support/server.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const opened = async (tab: Promise<Tab>) => {
  const one = await tab;
  ends.push(one.close);
  return one;
};

test("setPaused: a paused tab leaves syncing to another tab, and takes part again when resumed", async () => {
  const server = await startServer();
  ends.push(server.close);
  const ada = device(domain, "team", "ada");
  const first = await opened(ada.open({ url: server.url }));
  await until(() => first.status().connection === "live", "the first tab leads");
  const second = await opened(ada.open({ url: server.url }));
  await until(() => second.status().connection === "following", "the second follows");
  first.api.setPaused(true);
  const { commit } = unwrap(
    await second.execute([task.command.add("t1", { title: "Milk", column: "todo" })], null, null),
  );
  expect(unwrap(await second.api.settled(commit)).settled.outcome).toBe("accepted");
  expect(second.status()).toMatchObject({ leader: true });
  await until(() => first.rows(board.name).get("task/t1")?.pending === false, "the first shows it confirmed");
  expect(first.status()).toMatchObject({ leader: false, connection: "paused" });
  first.api.setPaused(false);
  await until(
    () => first.status().connection === "following" || first.status().connection === "live",
    "the first takes part again",
  );
});

test("setPaused: a tab whose log was deleted never leads again", async () => {
  const server = await startServer();
  ends.push(server.close);
  const ada = device(domain, "team", "ada");
  const ended = await opened(ada.open({ url: server.url }));
  await until(() => ended.status().connection === "live", "the first tab leads");
  await ended.close();
  ended.api.setPaused(true);
  ended.api.setPaused(false);
  const next = await opened(ada.open({ url: server.url }));
  await until(() => next.status().leader, "the next tab leads");
  expect(next.status()).toMatchObject({ leader: true, error: null });
});

test("status: a tab that follows reports that the leader is offline", async () => {
  const server = await startServer();
  const ada = device(domain, "team", "ada");
  const first = await opened(ada.open({ url: server.url }));
  await until(() => first.status().connection === "live", "the first tab leads");
  const second = await opened(ada.open({ url: server.url }));
  await until(() => second.status().connection === "following", "the second follows");
  await server.close();
  await until(() => second.status().connection === "offline", "the second says so");
  expect(second.status().lastSyncedAt).not.toBeNull();
});

test("status: no tab ever sends following together with leader, while the lead moves", async () => {
  const server = await startServer();
  ends.push(server.close);
  const ada = device(domain, "team", "ada");
  const first = await opened(ada.open({ url: server.url }));
  await until(() => first.status().connection === "live", "the first tab leads");
  const second = await opened(ada.open({ url: server.url }));
  for (let round = 0; round < 3; round++) {
    first.api.setPaused(true);
    await until(() => second.status().connection === "live", "the second leads");
    first.api.setPaused(false);
    second.api.setPaused(true);
    await until(() => first.status().connection === "live", "the first leads again");
    second.api.setPaused(false);
    await until(() => second.status().connection === "following", "the second follows");
  }
  const sent = [...first.statuses, ...second.statuses];
  expect(sent.some(({ connection }) => connection === "following")).toBe(true);
  expect(sent.filter(({ connection, leader }) => leader && connection === "following")).toEqual([]);
});

/** A server that refuses the token of a tab until a person signs in. */
function signIn() {
  let isSignedIn = true;
  const guarded = <T>(call: () => Promise<T>) =>
    isSignedIn ? call() : Promise.reject(new UnauthorizedError({ message: "No token", fix: "Sign in." }));
  return {
    set: (isIn: boolean) => (isSignedIn = isIn),
    transport: (inner: Transport): Transport => ({
      ...inner,
      push: (...facts) => guarded(() => inner.push(...facts)),
      pull: (...facts) => guarded(() => inner.pull(...facts)),
    }),
  };
}

/** Two tabs that stopped because their tokens ended, with one commit to send. */
async function signedOutTabs(of: (tab: "first" | "second") => ReturnType<typeof signIn>) {
  const server = await startServer();
  ends.push(server.close);
  const ada = device(domain, "team", "ada");
  const first = await opened(ada.open({ url: server.url, transport: of("first").transport }));
  await until(() => first.status().connection === "live", "the first tab leads");
  const second = await opened(ada.open({ url: server.url, transport: of("second").transport }));
  await until(() => second.status().connection === "following", "the second follows");
  of("first").set(false);
  of("second").set(false);
  unwrap(await second.execute([task.command.add("t1", { title: "Milk", column: "todo" })], null, null));
  await until(() => [first, second].every((tab) => tab.status().connection === "stopped"), "both stop");
  return { ada, server, first, second };
}
const isSynced = (tab: Tab) => tab.status().pending === 0 && tab.status().error === null;

test("status: a tab that follows shows the error of the leader that is stopped", async () => {
  const access = signIn();
  const { first, second } = await signedOutTabs(() => access);
  for (const tab of [first, second]) expect(tab.status().error).toMatchObject({ code: "unauthorized" });
  expect([first.status().leader, second.status().leader]).toEqual([true, false]);
});

test("resume: in a tab that follows, it makes a stopped device try at once", async () => {
  const access = signIn();
  const { first, second } = await signedOutTabs(() => access);
  access.set(true);
  second.api.setPaused(false);
  await until(() => isSynced(first) && isSynced(second), "all is synced");
  expect(first.rows(board.name).get("task/t1")).toMatchObject({ pending: false });
});

test("resume: a tab with a new token takes the lead of a tab whose token ended", async () => {
  const access = { first: signIn(), second: signIn() };
  const { first, second } = await signedOutTabs((tab) => access[tab]);
  access.second.set(true);
  second.api.lifecycle("visible");
  await until(() => isSynced(first) && isSynced(second), "all is synced");
  expect([first.status().leader, second.status().leader]).toEqual([false, true]);
});

test("openLog: a tab that is opened after a sign-in syncs for the tabs that are stopped", async () => {
  const access = signIn();
  const { ada, server, first, second } = await signedOutTabs(() => access);
  const third = await opened(ada.open({ url: server.url }));
  await until(() => [first, second, third].every(isSynced), "all is synced");
  expect(third.status().leader).toBe(true);
});

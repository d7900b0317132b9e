// One commit that does not get through: a filter refuses its text, or `permit` throws for it.
import { afterEach, expect, test } from "vitest";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { SignInPageError } from "../../../../src/client/sync/sign-in-page.ts";
import type { Transport } from "../../../../src/client/sync/transport.ts";
import { UnreachableError } from "../../../../src/client/sync/unreachable-error.ts";
import type { Permit } from "../../../../src/sync-server/app.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { device, type Tab, until } from "../../../support/device.ts";
import { startServer } from "../../../support/server.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end().catch(() => {});
});

const MARKER = "EICAR";
const add = (id: string, title = "Milk") => task.command.add(id, { title, column: "todo" });
const execute = async (tab: Tab, ...commands: Parameters<Tab["execute"]>[0]) =>
  unwrap(await tab.execute(commands, null, null)).commit;
const isLive = (tab: Tab) => tab.status().connection === "live";
const has = (tab: Tab, id: string) => tab.rows(board.name).get(`task/${id}`)?.pending === false;

/** A virus scanner between device and server. */
function scanner() {
  let isOn = true;
  const pushes: number[] = [];
  return {
    pushes,
    turnOff: () => (isOn = false),
    transport: (inner: Transport): Transport => ({
      ...inner,
      push: async (after, version, commits) => {
        pushes.push(commits.length);
        if (isOn && JSON.stringify(commits).includes(MARKER))
          throw new UnreachableError("Something else answered with status 403", null, undefined, {
            status: 403,
            text: "<h1>Blocked</h1>",
          });
        return inner.push(after, version, commits);
      },
    }),
  };
}

async function twoDevices(open: Parameters<ReturnType<typeof device>["open"]>[0], permit: Permit = () => true) {
  const reported: unknown[] = [];
  const server = await startServer({ permit, onError: (error) => reported.push(error) });
  const ada = device(domain, "team", "ada");
  const options = { ...open, url: server.url };
  const tab = await ada.open(options);
  const bob = await device(domain, "team", "bob").open({ url: server.url });
  ends.push(server.close, tab.close, bob.close);
  await until(() => isLive(tab) && isLive(bob), "both are live");
  return { ada, tab, bob, server, options, reported };
}

/** Three adds in one push, the second one with the marker. */
async function addThree(tab: Tab): Promise<string> {
  tab.api.setPaused(true);
  await execute(tab, add("t1"));
  const bad = await execute(tab, add("t2", MARKER));
  await execute(tab, add("t3"));
  tab.api.setPaused(false);
  return bad;
}

test("sync: a filter that refuses one commit neither blinds the device nor stops the others", async () => {
  const { tab, bob } = await twoDevices({ transport: scanner().transport, whenStuck: "skip" });
  const bad = await addThree(tab);
  await execute(bob, add("b1"));
  await until(() => has(tab, "b1"), "Ada gets Bob's card");
  await until(() => has(bob, "t1") && has(bob, "t3"), "Bob gets the first and the third card");
  await until(() => tab.status().stuck !== null && isLive(tab), "the device names the commit, and reads");
  expect(tab.status()).toMatchObject({
    pending: 1,
    stuck: { commit: bad, command: "add", stream: "task/t2", status: 403, code: null, text: "<h1>Blocked</h1>" },
    error: { code: "unreachable" },
  });
  // A commit on the stream of the stuck one waits, so that their order stays.
  await execute(tab, task.command.complete("t2"));
  await execute(tab, add("t4"));
  await until(() => has(bob, "t4"), "Bob gets the fourth card");
  expect(tab.status().pending).toBe(2);
});

test("sync: behind a stuck commit everything waits by default, until the filter lets it through", async () => {
  const filter = scanner();
  const { tab, bob } = await twoDevices({ transport: filter.transport });
  await addThree(tab);
  await until(() => has(bob, "t1"), "Bob gets the first card");
  await until(() => tab.status().stuck !== null && isLive(tab), "the device names the commit, and reads");
  expect(tab.status().pending).toBe(2);
  expect(has(bob, "t3")).toBe(false);
  filter.turnOff();
  tab.api.lifecycle("visible");
  await until(() => has(bob, "t2") && has(bob, "t3"), "Bob gets the others");
  expect(tab.status()).toMatchObject({ pending: 0, stuck: null, error: null });
});

test("sync: a page to sign in that answers only pushes does not blind the device", async () => {
  let status = 0;
  const { tab, bob } = await twoDevices({
    transport: (inner) => ({ ...inner, push: () => Promise.reject(new SignInPageError(status)) }),
  });
  for (status of [0, 302, 401]) {
    await execute(tab, add(`t${status}`, MARKER));
    await execute(bob, add(`b${status}`));
    await until(() => has(tab, `b${status}`), "Ada gets Bob's card");
  }
  await until(() => tab.status().stuck !== null && isLive(tab), "the device names the commit, and reads");
  expect(tab.status().error).toMatchObject({ code: "unauthorized" });
});

test("sync: limits that cannot be read do not blind a device with a large commit", async () => {
  const failing = (inner: Transport): Transport => ({
    ...inner,
    info: () => Promise.reject(new UnreachableError("Something else answered with status 403", null)),
  });
  const { ada, tab, bob, server } = await twoDevices({});
  tab.api.setPaused(true);
  await execute(tab, ...Array.from({ length: 80 }, (_, n) => add(`t${n}`, "M".repeat(200))));
  await tab.close();
  await execute(bob, add("b1"));
  await until(() => has(bob, "b1"), "Bob's card is recorded");
  const opened = await ada.open({ url: server.url, transport: failing });
  ends.push(opened.close);
  await until(() => has(opened, "b1"), "Ada gets Bob's card");
  await until(() => opened.status().stuck !== null && isLive(opened), "the device names the commit");
  expect(opened.status().pending).toBe(1);
});

test("sync: a push that hangs does not blind a device that was just opened", async () => {
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const blackHole = (inner: Transport): Transport => ({
    ...inner,
    push: async (after, version, commits) => {
      if (!JSON.stringify(commits).includes(MARKER)) return inner.push(after, version, commits);
      await held;
      throw new UnreachableError("No answer", null);
    },
  });
  const { ada, tab, bob, server } = await twoDevices({});
  tab.api.setPaused(true);
  await execute(tab, add("t1", MARKER));
  await tab.close();
  await execute(bob, add("b1"));
  await until(() => has(bob, "b1"), "Bob's first card is recorded");
  const opened = await ada.open({ url: server.url, transport: blackHole });
  ends.push(opened.close);
  await until(() => has(opened, "b1") && isLive(opened), "Ada gets Bob's first card");
  await execute(bob, add("b2"));
  await until(() => has(opened, "b2"), "Ada gets Bob's second card");
  expect(opened.status().pending).toBe(1);
  release();
  await until(() => opened.status().stuck !== null, "the device names the commit");
  expect(opened.status().stuck).toMatchObject({ status: null, code: null, text: "No answer" });
});

test("withdraw: takes a stuck commit out of the queue, after a reload and in a tab that follows", async () => {
  const { ada, tab, bob, options } = await twoDevices({ transport: scanner().transport });
  const bad = await addThree(tab);
  await until(() => tab.status().stuck !== null, "the device names the commit");
  await tab.close();
  const reloaded = await ada.open(options);
  const follower = await ada.open(options);
  ends.push(reloaded.close, follower.close);
  await until(() => reloaded.status().stuck?.commit === bad, "the device names it again");
  await until(() => follower.status().stuck?.commit === bad, "the follower names it too");
  unwrap(await follower.api.withdraw(bad));
  expect(follower.status().stuck).toBeNull();
  await until(() => has(bob, "t3"), "the commit behind it gets through");
  await until(() => reloaded.status().stuck === null && reloaded.status().pending === 0, "all is synced");
  expect(follower.update().rejections).toMatchObject([{ commit: bad, code: "withdrawn" }]);
});

test("permit: one that throws for a command names log and commit, and blocks nothing else", async () => {
  const permit: Permit = (_, request) => {
    if (request.action === "write" && JSON.stringify(request.input).includes(MARKER)) throw new Error("no such word");
    return true;
  };
  const { tab, bob, reported } = await twoDevices({ whenStuck: "skip" }, permit);
  const bad = await addThree(tab);
  await execute(bob, add("b1"));
  await until(() => has(tab, "b1"), "Ada gets Bob's card");
  await until(() => has(bob, "t1") && has(bob, "t3"), "Bob gets the good cards");
  await until(() => tab.status().stuck !== null, "the device names the commit");
  expect(tab.status().stuck).toMatchObject({ commit: bad, status: 503, code: "unavailable", stream: "task/t2" });
  expect(reported[0]).toMatchObject({
    code: "unexpected",
    message: expect.stringContaining("no such word") as string,
    details: { log: "team", commit: bad, command: "add", stream: "task/t2" },
  });
});

// The browser's word about its network is a hint. It may be wrong in both directions.
import { afterEach, expect, test } from "vitest";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { UnreachableError } from "../../../../src/client/sync/unreachable-error.ts";
import { domain, task } from "../../../support/board-domain.ts";
import { type Device, device, type Tab, until } from "../../../support/device.ts";
import { startServer } from "../../../support/server.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end().catch(() => {});
});
const open = async (of: Device, url: string): Promise<Tab> => {
  const tab = await of.open({ url });
  ends.push(tab.close);
  return tab;
};
const add = async (tab: Tab, id: string) =>
  unwrap(await tab.execute([task.command.add(id, { title: id, column: "todo" })])).commit;

test("networkChanged: a tab that the browser calls offline syncs with a server that answers", async () => {
  const server = await startServer();
  ends.push(server.close);
  const tab = await open(device(domain, "team", "ada"), server.url);
  tab.api.lifecycle("offline");
  const { settled } = unwrap(await tab.api.settled(await add(tab, "t1")));
  expect(settled).toMatchObject({ outcome: "accepted", position: 1 });
  await until(() => tab.status().connection === "live", "the status shows the server, not the hint");
});

test("networkChanged: the status shows a lost server at once, without a command", async () => {
  const server = await startServer();
  let isCut = false;
  const tab = await device(domain, "team", "ada").open({
    url: server.url,
    transport: (inner) => ({
      ...inner,
      pull: (...facts) => (isCut ? Promise.reject(new UnreachableError("cut", null)) : inner.pull(...facts)),
    }),
  });
  ends.push(server.close, tab.close);
  await until(() => tab.status().connection === "live", "live");
  isCut = true;
  tab.api.lifecycle("offline");
  await until(() => tab.status().connection === "offline", "offline");
  expect(tab.status()).toMatchObject({ leader: true, error: null });
});

test("networkChanged: a waiting tab tries at once", async () => {
  const server = await startServer();
  let calls = 0;
  let isCut = true;
  let isHeld = false;
  const tab = await device(domain, "team", "ada").open({
    url: server.url,
    transport: (inner) => ({
      ...inner,
      push: (...facts) => {
        calls++;
        return isCut ? Promise.reject(new UnreachableError("cut", null)) : inner.push(...facts);
      },
    }),
    // The wait for the next try never ends by itself, so only the hint can end it.
    env: (inner) => ({
      ...inner,
      chance: () => 0.999,
      setTimer: (run, ms) => (isHeld && ms >= 1_000 ? () => {} : inner.setTimer(run, ms)),
    }),
  });
  ends.push(server.close, tab.close);
  const commit = await add(tab, "t1");
  await until(() => calls >= 2, "two tries, so that the next wait has a second or more");
  isHeld = true;
  await until(() => calls >= 3, "a third try, whose wait never ends");
  isCut = false;
  tab.api.lifecycle("online");
  expect(unwrap(await tab.api.settled(commit)).settled.outcome).toBe("accepted");
});

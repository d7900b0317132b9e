// Commits that the server recorded behind the end of this device's log: they wait for their records, and are not sent
// again. The device is far behind, so no answer to a push reaches their records.
import { afterEach, expect, test, vi } from "vitest";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { syncServer, type SyncServer } from "../../../../src/sync-server/app.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { domain, task } from "../../../support/board-domain.ts";
import { device, type Tab, until } from "../../../support/device.ts";
import { parseOwnJson } from "../../../support/own-json.ts";
import { person } from "../../../support/sync-requests.ts";

const LOG = "team";
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end().catch(() => {});
  vi.unstubAllGlobals();
});

type Push = { readonly bytes?: number; readonly commits: readonly { readonly id: string }[] };

function start(): SyncServer {
  const authorize = (request: Request) => {
    const [, actor = ""] = /^Bearer (?:token-of-)?(.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
    return { actor };
  };
  const server = syncServer({ domain, store: memory(), authorize });
  ends.push(server.close);
  return server;
}

/** Bob adds notes of 5,000 characters. */
async function fill(server: SyncServer, notes: number, seen = 1): Promise<void> {
  const bob = person(server, "bob", { log: LOG });
  if (seen === 1) await bob.push([bob.commit(task.command.add("t1", { title: "Milk", column: "todo" }))]);
  for (let left = notes; left > 0; left -= 100) {
    const note = { ...task.command.note("t1", { text: "x".repeat(5_000) }), seen };
    await bob.push(Array.from({ length: 100 }, () => bob.commit(note)));
  }
}

/** A device whose requests go to `serverNow`, and everything that it pushed. `onPush` runs after each push. */
async function farBehind(serverNow: () => SyncServer, onPush: (count: number) => Promise<void>) {
  const pushes: Push[] = [];
  vi.stubGlobal("WebSocket", undefined);
  vi.stubGlobal("CompressionStream", undefined);
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    const response = await serverNow().fetch(new Request(url, init));
    if (!new URL(url).pathname.endsWith("/commits")) return response;
    pushes.push(parseOwnJson<Push>(await new Response(init.body).text()));
    await onPush(pushes.length);
    return response;
  });
  const tab: Tab = await device(domain, LOG, "ada").open({ url: "http://server.test" });
  ends.push(tab.close);
  tab.api.setPaused(true);
  const made: string[] = [];
  for (let n = 0; n < 60; n++) {
    const text = String(n).padEnd(2_000, "y");
    const commands = [
      task.command.add(`own${n}`, { title: "Own", column: "todo" }),
      task.command.note(`own${n}`, { text }),
    ];
    made.push(unwrap(await tab.execute(commands)).commit);
  }
  tab.api.setPaused(false);
  await until(() => tab.status().pending === 0 && tab.status().position === tab.status().head, "all is synced");
  return { pushes, made };
}

/** The ids of Ada's commits, in the order of the log. */
async function recorded(server: SyncServer): Promise<readonly string[]> {
  const bob = person(server, "bob", { log: LOG });
  const ids: string[] = [];
  for (let page = await bob.pull(); ; page = await bob.pull(page.cursor)) {
    ids.push(...page.records.filter(({ actor }) => actor === "ada").map(({ commit }) => commit));
    if (!page.more) return ids;
  }
}

test("sync: a device far behind pushes each commit once, and gets its records once, by pulls", async () => {
  const server = start();
  await fill(server, 300);
  const { pushes, made } = await farBehind(
    () => server,
    () => Promise.resolve(),
  );
  expect(pushes.length).toBeGreaterThan(1);
  expect(pushes.flatMap(({ commits }) => commits.map(({ id }) => id))).toEqual(made);
  expect(pushes[0]?.bytes).toBeGreaterThan(0);
  expect(pushes[1]?.bytes).toBe(0);
  expect(await recorded(server)).toEqual(made);
});

test("P16 sync: if the server loses sent commits, later commits are not recorded before them", async () => {
  const first = start();
  await fill(first, 300);
  const archive = await (await person(first, "bob", { log: LOG }).request("export")).text();
  const restored = start();
  await restored.importLog(LOG, archive.trimEnd().split("\n"));
  let server = first;
  const { made, pushes } = await farBehind(
    () => server,
    async (count) => {
      if (count > 1) return;
      server = restored;
      // The restored log grows beyond the position of the lost commits.
      await fill(restored, 200, 301);
    },
  );
  expect(pushes[0]?.commits.length).toBeLessThan(made.length);
  expect(await recorded(restored)).toEqual(made);
});

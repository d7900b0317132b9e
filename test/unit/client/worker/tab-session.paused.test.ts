// A tab that is paused from its first moment, as a page with an offline switch opens it.
import { afterEach, expect, test } from "vitest";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import type { Transport } from "../../../../src/client/sync/transport.ts";
import { domain, task } from "../../../support/board-domain.ts";
import { device, type Tab, until } from "../../../support/device.ts";
import { startServer } from "../../../support/server.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end().catch(() => {});
});

const add = (tab: Tab, id: string) => tab.execute([task.command.add(id, { title: "Milk", column: "todo" })]);

/** Counts each call of the server. */
function counted() {
  const calls: string[] = [];
  const transport = (inner: Transport): Transport => ({
    ...inner,
    push: (...rest) => (calls.push("push"), inner.push(...rest)),
    pull: (...rest) => (calls.push("pull"), inner.pull(...rest)),
    info: () => (calls.push("info"), inner.info()),
    live: (...rest) => (calls.push("live"), inner.live(...rest)),
  });
  return { calls, transport };
}

test("paused: pending work of an earlier visit stays on the device until the tab resumes", async () => {
  const server = await startServer();
  ends.push(server.close);
  const ada = device(domain, "team", "ada");
  const first = await ada.open({ url: server.url, paused: true });
  unwrap(await add(first, "t1"));
  expect(first.status()).toMatchObject({ connection: "paused", leader: false, pending: 1 });
  await first.close();

  const { calls, transport } = counted();
  const second = await ada.open({ url: server.url, paused: true, transport });
  ends.push(second.close);
  expect(second.statuses.every(({ connection }) => connection === "paused")).toBe(true);
  unwrap(await add(second, "t2"));
  second.api.lifecycle("visible");
  second.api.lifecycle("online");
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(calls).toEqual([]);
  expect(second.status()).toMatchObject({ connection: "paused", leader: false, pending: 2 });

  unwrap(second.api.setPaused(false));
  await until(() => second.status().pending === 0, "both commits are recorded");
});

test("paused: another tab that is not paused leads and sends the work of both", async () => {
  const server = await startServer();
  ends.push(server.close);
  const ada = device(domain, "team", "ada");
  const paused = await ada.open({ url: server.url, paused: true });
  unwrap(await add(paused, "t1"));
  const other = await ada.open({ url: server.url });
  ends.push(paused.close, other.close);
  await until(() => other.status().leader && other.status().pending === 0, "the other tab sends it");
  expect(paused.status()).toMatchObject({ connection: "paused", leader: false });
});

// A device behind a slow TCP connection, with real sockets, a real server and compression. Time runs five times faster
// on the device, so that its waits and its limit of silence fit a fifth of the data.
import { afterEach, expect, test } from "vitest";
import { domain, task } from "../support/board-domain.ts";
import { device, type Tab } from "../support/device.ts";
import { startServer } from "../support/server.ts";
import { tcpProxy } from "./support/tcp-proxy.ts";

const HASTE = 5;
/** 5 kB/s in the time of the device. */
const BYTES_PER_SECOND = 5_000 * HASTE;
/** A minute of the device. */
const MINUTE_MS = 60_000 / HASTE;
const NOTES = 100;
const WAITING = 100;

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** Text that compresses to about two thirds. */
const noise = (length: number) => Array.from({ length }, () => Math.floor(Math.random() * 36).toString(36)).join("");

async function addNotes(tab: Tab, stream: string, notes: number, length: number): Promise<void> {
  await tab.execute([task.command.add(stream, { title: stream, column: "todo" })]);
  for (let n = 0; n < notes; n++) await tab.execute([task.command.note(stream, { text: noise(length) })]);
}

test("sync: a full log and a full queue move each minute over a slow TCP connection", async () => {
  const server = await startServer();
  ends.push(server.close);
  const bob = await device(domain, "team", "bob").open({ url: server.url });
  ends.push(bob.close);
  await addNotes(bob, "t1", NOTES, 5_000);
  while (bob.status().pending > 0) await new Promise((resolve) => setTimeout(resolve, 10));

  const proxy = await tcpProxy(server.port, BYTES_PER_SECOND);
  ends.push(() => proxy[Symbol.asyncDispose]());
  const ada = await device(domain, "team", "ada").open({ url: `http://127.0.0.1:${proxy.port}/sync`, haste: HASTE });
  ends.push(ada.close);
  ada.api.setPaused(true);
  await addNotes(ada, "t2", WAITING, 1_000);
  const before = { ...proxy.bytes };
  ada.api.setPaused(false);

  const all = NOTES + WAITING + 2;
  const positions = [0];
  let lastChange = Date.now();
  while (ada.status().position < all || ada.status().pending > 0) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { position } = ada.status();
    if (position !== positions.at(-1)) {
      positions.push(position);
      lastChange = Date.now();
    }
    expect(Date.now() - lastChange, `stands at ${positions.join(", ")}`).toBeLessThan(MINUTE_MS);
  }
  expect(positions.length).toBeGreaterThan(3);
  // The log once, the queue once, and the records of the queue once.
  const data = NOTES * 5_250 + WAITING * (2 * 1_000 + 450) + WAITING * 1_400;
  expect(proxy.bytes.toServer + proxy.bytes.toClient - before.toServer - before.toClient).toBeLessThan(data);
  expect(ada.status().traffic.received).toBeGreaterThan(NOTES * 5_000);
  expect(ada.status().traffic.sent).toBeGreaterThan(WAITING * 2_000);
});

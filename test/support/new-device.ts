/** A new device joins the shop's log by a base. The script compares it with a device that folds the whole log. */
import { setTimeout as sleep } from "node:timers/promises";
import { memoryLogStore } from "../../src/client/stores/memory-log-store.ts";
import type { Transport } from "../../src/client/sync/transport.ts";
import { type Device, device, type Tab } from "./device.ts";
import { domain } from "../../demo/orders/domain.ts";
import type { NewDevice } from "../../demo/orders/script/once.ts";
import { DESK_TOKEN, LOG } from "../../demo/orders/server/shop.ts";

const BASE_MS_MAX = 120_000;

export async function joinByBase(url: string): Promise<NewDevice> {
  const baseBytes = await baseBytesOf(url);
  const started = performance.now();
  const joining = device(domain, LOG, "desk");
  const joined = await open(joining, url);
  while (rowsIn(joined).length === 0) await sleep(1);
  const firstRowsMs = performance.now() - started;
  const replayed = await open(device(domain, LOG, "desk"), url, (inner) => ({
    ...inner,
    base: () => Promise.resolve(null),
  }));
  await Promise.all([whole(joined), whole(replayed)]);
  const [rows, events] = [rowsIn(joined), joined.status().position];
  const isSame = events === replayed.status().position && sameTexts(rows, rowsIn(replayed));
  const { base } = await memoryLogStore(joining.database).refresh({ position: 0, pendingTail: 0 });
  await Promise.all([joined.close(), replayed.close()]);
  return { baseBytes, firstRowsMs, events, rows: rows.length, isRight: isSame && base !== null };
}

/** Waits for a base, and returns its bytes of text. */
async function baseBytesOf(url: string): Promise<number> {
  const headers = { authorization: `Bearer ${DESK_TOKEN}` };
  for (const until = performance.now() + BASE_MS_MAX; performance.now() < until; await sleep(100)) {
    const answer = await fetch(`${url}/logs/${LOG}/base`, { headers });
    const text = await answer.text();
    if (answer.ok) return [...text.matchAll(/"bytes":(\d+)/g)].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  }
  throw new Error("The server made no base");
}

function open(of: Device, url: string, transport = (inner: Transport) => inner): Promise<Tab> {
  return of.open({ url, transport, token: () => Promise.resolve(DESK_TOKEN) });
}

async function whole(tab: Tab): Promise<void> {
  while (tab.status().position === 0 || tab.status().position < tab.status().head) await sleep(20);
}

function rowsIn(tab: Tab): readonly string[] {
  return [...domain.definition.projections.keys()]
    .flatMap((name) => [...tab.rows(name).values()].map((entry) => JSON.stringify([name, entry])))
    .toSorted();
}

function sameTexts(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((text, n) => text === right[n]);
}

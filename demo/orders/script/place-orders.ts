/** Customers who place orders. Each call has its commit id from the beginning, so a repeated call records it once. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { orderOf } from "../order-of.ts";
import type { ShopProcess } from "./shop-process.ts";

const AT_ONCE = 32;
const TRY_AGAIN_MS = 50;

/** Calls until the server answers. A server that was killed meanwhile gets the same call again. */
export async function callUntilAnswered(shop: ShopProcess, path: string, body: unknown): Promise<void> {
  for (;;) {
    try {
      return void (await shop.call("POST", path, body));
    } catch {
      await sleep(TRY_AGAIN_MS);
    }
  }
}

/** Places orders from `from` up to `to`, several at once. Calls `placed` after each. */
export async function placeOrders(
  shop: ShopProcess,
  from: number,
  to: number,
  placed: (n: number) => void,
): Promise<void> {
  let next = from;
  const customer = async () => {
    for (let n = next++; n < to; n = next++) {
      await callUntilAnswered(shop, "/orders", { ...orderOf(n), commit: randomUUID() });
      placed(n);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, customer));
}

/** Places orders at a rate for as long as `until` has not settled. Returns the milliseconds of each call, sorted. */
export async function placeAtRate(
  shop: ShopProcess,
  options: { readonly from: number; readonly perSecond: number; readonly until: Promise<unknown> },
): Promise<{ readonly times: readonly number[]; readonly next: number }> {
  const { from, perSecond, until } = options;
  const times: number[] = [];
  const running = new Set<Promise<void>>();
  let [next, isOver] = [from, false];
  void until.finally(() => (isOver = true)).catch(() => {});
  const begun = performance.now();
  while (!isOver) {
    const started = performance.now();
    const call = shop
      .call("POST", "/orders", { ...orderOf(next++), commit: randomUUID() })
      .then(() => void times.push(performance.now() - started));
    running.add(call);
    void call.finally(() => running.delete(call)).catch(() => {});
    const dueMs = begun + ((next - from) * 1_000) / perSecond - performance.now();
    await sleep(Math.max(0, dueMs));
  }
  await Promise.all(running);
  return { times: times.toSorted((left, right) => left - right), next };
}

/** The value below which 99 of 100 are. */
export function p99(sorted: readonly number[]): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? 0;
}

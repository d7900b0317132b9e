/** Made-up orders. The n-th order has the same customer and lines in each run. */
import type { Line } from "./domain/order.ts";

export const SKUS = Array.from({ length: 40 }, (_, n) => `sku-${n + 1}`);
const CUSTOMERS = ["Ada", "Bob", "Clara", "Dai", "Edda", "Femi"];
/** One order in so many has an amount that the provider declines. */
const DECLINED_EACH = 50;

export type MadeOrder = { readonly id: string; readonly customer: string; readonly lines: readonly Line[] };

export function orderOf(n: number): MadeOrder {
  const customer = CUSTOMERS[n % CUSTOMERS.length] ?? "Ada";
  const sku = (at: number) => SKUS[(n * 7 + at * 11) % SKUS.length] ?? "sku-1";
  if (n % DECLINED_EACH === 0) return { id: `o${n}`, customer, lines: [{ sku: sku(0), qty: 1, price: 513 }] };
  const lines = Array.from({ length: 1 + (n % 3) }, (_, at) => ({
    sku: sku(at),
    qty: 1 + ((n + at) % 4),
    price: 100 + ((n * 37 + at * 53) % 900),
  }));
  return { id: `o${n}`, customer, lines };
}

/** The sales as the page lists them: the products of the last day, and the sum of each day before. */
import type { Shop } from "./shop-state.ts";

export type Sold = { readonly name: string; readonly qty: number; readonly cents: number };

export type SalesDays = {
  /** The last day with sales, such as `2026-11-29`. Null: nothing was sold yet. */
  readonly day: string | null;
  /** Its products, the largest amount first. */
  readonly products: readonly Sold[];
  readonly total: Sold;
  /** The days before, the newest first. */
  readonly before: readonly Sold[];
};

export function salesDays(sales: Shop["sales"]): SalesDays {
  const days = Map.groupBy(sales, ({ key }) => key.slice(0, key.indexOf("/")));
  const sums = [...days]
    .map(([day, rows]) => sumOf(day, rows))
    .toSorted((one, other) => (one.name < other.name ? 1 : -1));
  const [total = sumOf("", []), ...before] = sums;
  const products = (days.get(total.name) ?? [])
    .map(({ key, row }) => ({ name: key.slice(key.indexOf("/") + 1), ...row }))
    .toSorted((one, other) => other.cents - one.cents);
  return { day: total.name || null, products, total, before };
}

function sumOf(name: string, rows: Shop["sales"]): Sold {
  return rows.reduce((sum, { row }) => ({ name, qty: sum.qty + row.qty, cents: sum.cents + row.cents }), {
    name,
    qty: 0,
    cents: 0,
  });
}

/** The stock as the page lists it. */
import { number } from "./say.ts";
import type { Shop } from "./shop-state.ts";

export type Bar = { readonly key: string; readonly value: number; readonly text: string };

const names = new Intl.Collator("en", { numeric: true });

/** One bar for each product, in the order in which a person counts: sku-2 before sku-10. */
export function stockBars(stock: Shop["stock"]): readonly Bar[] {
  return stock
    .map(({ key, row: { left } }) => ({ key: key.replace(/^stock\//, ""), value: left, text: number(left) }))
    .toSorted((one, other) => names.compare(one.key, other.key));
}

/** The shop can ship nothing, so it would cancel each order. */
export function isSoldOut(stock: Shop["stock"]): boolean {
  return stock.every(({ row }) => row.left <= 0);
}

export function piecesLeft(stock: Shop["stock"]): number {
  return stock.reduce((sum, { row }) => sum + row.left, 0);
}

import { expect, test } from "vitest";
import { isSoldOut, stockBars } from "../../../demo/orders/page/stock-bars.ts";

const stock = (rows: Record<string, number>) =>
  Object.entries(rows).map(([name, left]) => ({ key: `stock/${name}`, row: { left } }));

test("stockBars: products are in the order in which a person counts", () => {
  expect(stockBars(stock({ "sku-1": 5, "sku-10": 0, "sku-2": 7 }))).toEqual([
    { key: "sku-1", value: 5, text: "5" },
    { key: "sku-2", value: 7, text: "7" },
    { key: "sku-10", value: 0, text: "0" },
  ]);
});

test("isSoldOut: a shop without products or with nothing left can ship nothing", () => {
  expect(isSoldOut([])).toBe(true);
  expect(isSoldOut(stock({ "sku-1": 0, "sku-2": 0 }))).toBe(true);
  expect(isSoldOut(stock({ "sku-1": 0, "sku-2": 1 }))).toBe(false);
});

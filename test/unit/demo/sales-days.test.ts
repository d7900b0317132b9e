import { expect, test } from "vitest";
import { salesDays } from "../../../demo/orders/page/sales-days.ts";

test("salesDays: the last day has its products by amount, and each day before has a sum", () => {
  const sales = [
    { key: "2026-11-28/sku-1", row: { qty: 1, cents: 100 } },
    { key: "2026-11-29/sku-2", row: { qty: 2, cents: 300 } },
    { key: "2026-11-29/sku-10", row: { qty: 1, cents: 900 } },
    { key: "2026-11-27/sku-1", row: { qty: 5, cents: 500 } },
    { key: "2026-11-27/sku-2", row: { qty: 1, cents: 50 } },
  ];
  expect(salesDays(sales)).toEqual({
    day: "2026-11-29",
    products: [
      { name: "sku-10", qty: 1, cents: 900 },
      { name: "sku-2", qty: 2, cents: 300 },
    ],
    total: { name: "2026-11-29", qty: 3, cents: 1_200 },
    before: [
      { name: "2026-11-28", qty: 1, cents: 100 },
      { name: "2026-11-27", qty: 6, cents: 550 },
    ],
  });
});

test("salesDays: a shop without sales has no day", () => {
  expect(salesDays([])).toMatchObject({ day: null, products: [], before: [] });
});

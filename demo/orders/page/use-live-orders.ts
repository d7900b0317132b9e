import { useContext, useEffect, useRef, useState } from "react";
import type { Customers } from "./customers.ts";
import { post, type Shop } from "./shop-state.ts";
import { ServerGone } from "./use-work.tsx";

export const LIVE_PER_SECOND = 10;
/** The warehouse refills a shelf with fewer pieces. */
const REFILL_BELOW = 12;

/** Customers who order all the time, and a warehouse that refills. Only while this page is open. */
export function useLiveOrders(customers: Customers, { stock }: Shop) {
  const [isOn, setOn] = useState(false);
  const isGone = useContext(ServerGone);
  const isFilling = useRef(false);
  useEffect(() => {
    if (!isOn || isGone) return undefined;
    const timer = setInterval(() => void customers.perhapsPlace(), 1_000 / LIVE_PER_SECOND);
    return () => clearInterval(timer);
  }, [customers, isOn, isGone]);
  useEffect(() => {
    if (!isOn || isFilling.current || (stock.length > 0 && !stock.some(isLow))) return;
    isFilling.current = true;
    void post("/stock/fill", { below: REFILL_BELOW })
      .catch(() => {})
      .finally(() => (isFilling.current = false));
  }, [isOn, stock]);
  return { isOn, toggle: () => setOn(!isOn) };
}

function isLow({ row }: Shop["stock"][number]): boolean {
  return row.left < REFILL_BELOW;
}

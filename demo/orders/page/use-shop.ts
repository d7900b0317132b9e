import { useEffect, useState } from "react";
import { readShop, type Shop } from "./shop-state.ts";

const READ_EACH_MS = 400;

export type Reading = {
  /** Null: nothing was read yet. */
  readonly shop: Shop | null;
  /** The time of the last reading, in milliseconds since the epoch. */
  readonly readAt: number | null;
  /** The reason why the last reading failed. Null: it did not fail. */
  readonly problem: string | null;
};

/** The shop, read again and again. */
export function useShop(): Reading {
  const [reading, setReading] = useState<Reading>({ shop: null, readAt: null, problem: null });
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isShown = true;
    const read = async () => {
      const next = await readShop().then(
        (shop): Reading => ({ shop, readAt: Date.now(), problem: null }),
        (reason: unknown) => ({ problem: reason instanceof Error ? reason.message : String(reason) }),
      );
      if (!isShown) return;
      setReading((before) => ({ ...before, ...next }));
      timer = setTimeout(() => void read(), READ_EACH_MS);
    };
    void read();
    return () => {
      isShown = false;
      clearTimeout(timer);
    };
  }, []);
  return reading;
}

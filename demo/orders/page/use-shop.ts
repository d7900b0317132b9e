import { useEffect, useState } from "react";
import { readShop, type Shop } from "./shop-state.ts";

const READ_EACH_MS = 400;

/** The shop, read again and again. `error` is the reason why the last reading failed. */
export function useShop(): { readonly shop: Shop | null; readonly error: string | null } {
  const [shop, setShop] = useState<Shop | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isShown = true;
    const read = async () => {
      try {
        const next = await readShop();
        if (isShown) setShop(next);
        setError(null);
      } catch (reason) {
        setError(reason instanceof Error ? reason.message : String(reason));
      }
      if (isShown) timer = setTimeout(() => void read(), READ_EACH_MS);
    };
    void read();
    return () => {
      isShown = false;
      clearTimeout(timer);
    };
  }, []);
  return { shop, error };
}

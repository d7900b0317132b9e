import { useEffect, useState } from "react";

/** Returns the whole seconds until a time, and renders each second. Null where there is no time or it has passed. */
export function useSecondsUntil(time: number | null): number | null {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (time === null) return;
    const tick = () => setNow(Date.now());
    const [first, timer] = [setTimeout(tick), setInterval(tick, 1_000)];
    return () => {
      clearTimeout(first);
      clearInterval(timer);
    };
  }, [time]);
  const seconds = time === null ? 0 : Math.ceil((time - now) / 1_000);
  return seconds > 0 ? seconds : null;
}

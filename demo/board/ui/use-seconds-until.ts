import { useEffect, useState } from "react";

/** Returns the whole seconds until a time, and renders each second. Null where there is no time or it has passed. */
export function useSecondsUntil(time: number | null): number | null {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (time === null) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [time]);
  const seconds = time === null ? 0 : Math.ceil((time - now) / 1_000);
  return seconds > 0 ? seconds : null;
}

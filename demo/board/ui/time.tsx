import { useEffect, useState } from "react";
import { words } from "../words/language.ts";

const UNITS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;
const RENEW_MS = 30_000;

const relative = new Intl.RelativeTimeFormat(words.time.locale, { numeric: "auto" });
const exact = new Intl.DateTimeFormat(words.time.locale, { dateStyle: "medium", timeStyle: "short" });

/** A time in words, which stays correct while it is on the screen. */
export function Time({ at }: { readonly at: number }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), RENEW_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <time dateTime={new Date(at).toISOString()} title={exact.format(at)}>
      {sayTime(at, Math.max(now, at))}
    </time>
  );
}

function sayTime(at: number, now: number): string {
  const [unit, size] = UNITS.find(([, length]) => now - at >= length) ?? [];
  return unit === undefined || size === undefined
    ? words.time.justNow
    : relative.format(-Math.floor((now - at) / size), unit);
}

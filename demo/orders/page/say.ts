/** Numbers, amounts and times as the page says them. */
const numbers = new Intl.NumberFormat("en");
const euros = new Intl.NumberFormat("en", { style: "currency", currency: "EUR" });
const days = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });

export const number = (value: number): string => numbers.format(value);
export const money = (cents: number): string => euros.format(cents / 100);
export const clock = (time: number): string => new Date(time).toLocaleTimeString("en-GB");
export const dayOf = (day: string): string => days.format(new Date(day));

/** "1 event", "2 events". */
export function count(value: number, thing: string): string {
  return `${number(value)} ${thing}${value === 1 ? "" : "s"}`;
}

/** "3 s", "2 min". It says 1 s for the last moments, and never 0. */
export function duration(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1_000));
  return seconds < 100 ? `${seconds} s` : `${number(Math.ceil(seconds / 60))} min`;
}

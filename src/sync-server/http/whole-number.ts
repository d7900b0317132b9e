/** Reads a whole number in a query. Null: the query does not have it. */
import { HttpRefusal } from "../base/http-refusal.ts";

export function wholeNumber(text: string | null, name: string, min: number): number | null {
  if (text === null) return null;
  const number = /^[0-9]{1,15}$/.test(text) ? Number(text) : -1;
  if (number < min)
    throw new HttpRefusal("bad-request", { message: `\`${name}\` is not a whole number of at least ${min}` });
  return number;
}

/**
 * Rows as JSON parameters of a statement, because a statement has at most 100 parameters.
 *
 * Guarantees (json-parameters.test.ts):
 * - The parameters together have each row once, in order.
 * - A parameter is smaller than 1.5 MB in UTF-8, because Cloudflare allows 2 MB. Otherwise it has one row.
 */
import { byteLength, exceedsBytes } from "../../../core/values/byte-length.ts";

const BYTES_MAX = 1_500_000;

/** JSON arrays of rows. No row: no parameter. */
export function jsonParameters(rows: readonly unknown[]): readonly string[] {
  if (rows.length === 0) return [];
  const whole = JSON.stringify(rows);
  if (!exceedsBytes(whole, BYTES_MAX - 1)) return [whole];
  const parameters: string[] = [];
  let part: string[] = [];
  let bytes = 2;
  const close = (): void => {
    if (part.length > 0) parameters.push(`[${part.join(",")}]`);
    part = [];
    bytes = 2;
  };
  for (const row of rows) {
    const text = JSON.stringify(row);
    const size = byteLength(text) + 1;
    if (bytes + size > BYTES_MAX) close();
    part.push(text);
    bytes += size;
  }
  close();
  return parameters;
}

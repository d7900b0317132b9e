/** The rows that a reader requests, in pages: those of some keys, of the keys with a prefix, or of a range of keys. */
import { KEY_LENGTH_MAX } from "../../core/domain/projection.ts";
import type { OptionNames } from "../../core/values/known-options.ts";
import type { RowRange } from "../stores/model-store.ts";
import { endOfPrefix } from "../stores/row-keys.ts";

/** Rows of one page, and keys of one request. */
export const PAGE_ROWS = { default: 500, max: 5_000 } as const;

/** The rows of a request. At most one of `keys`, `prefix` and `from` with `to` is there. */
export type RowSelection = {
  /**
   * The rows of these keys: up to 5,000. A key without a row is left out. If their rows are too large for one page,
   * `next` is not null, and the other rows are on the pages behind it.
   */
  readonly keys?: readonly string[];
  /** The rows whose keys begin with this text. */
  readonly prefix?: string;
  /** The first key, included. */
  readonly from?: string;
  /** The end, not included. */
  readonly to?: string;
  /** The key after which the page begins: `next` of the page before. */
  readonly after?: string;
  /**
   * The most rows of the page: 1 to 5,000. A page ends before it if its rows are large.
   *
   * @default 500, and 5_000 with `keys`
   */
  readonly limit?: number;
};

export const ROW_SELECTION: OptionNames<RowSelection> = {
  keys: true,
  prefix: true,
  from: true,
  to: true,
  after: true,
  limit: true,
};

/** Returns the range of a selection, or the reason why there is none. */
export function rowRange(selection: RowSelection, bytes: number): RowRange | string {
  const { keys, prefix, from, to, after } = selection;
  const { limit = keys === undefined ? PAGE_ROWS.default : PAGE_ROWS.max } = selection;
  if ([keys, prefix, from ?? to].filter((one) => one !== undefined).length > 1)
    return "`keys`, `prefix` and `from` with `to` exclude each other";
  const list: unknown = keys ?? [];
  if (keys === null || !Array.isArray(list)) return "`keys` is not a list";
  const texts: readonly unknown[] = [...(keys ?? []), prefix, from, to, after].filter((text) => text !== undefined);
  if (texts.some((text) => typeof text !== "string" || text.length > KEY_LENGTH_MAX || !text.isWellFormed()))
    return `a key is not well-formed or has more than ${KEY_LENGTH_MAX} characters`;
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > PAGE_ROWS.max)
    return `\`limit\` is not a whole number from 1 to ${PAGE_ROWS.max}`;
  const page = { after: after ?? null, limit, bytes };
  if (keys) return keys.length > PAGE_ROWS.max ? `there are more than ${PAGE_ROWS.max} keys` : { keys, ...page };
  const [first, end] = prefix === undefined ? [from, to] : [prefix, endOfPrefix(prefix)];
  return { from: first ?? null, to: end ?? null, ...page };
}

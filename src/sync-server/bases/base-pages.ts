/**
 * The pages of a base: buckets of packed tables as texts of at most 1 MiB. Pure.
 *
 * Guarantees (base.byte-equal.test.ts): a page has whole buckets, and each bucket is on one page.
 */
import { type PackedTable, tablesOf, textHash } from "../../core/fold/packed-tables.ts";
import type { BaseHeader } from "../../core/wire/messages.ts";
import { parseBasePage } from "../../core/wire/read-messages.ts";
import { byteLength } from "../base/limits.ts";
import { ROW_BYTES_MAX } from "../stores/model-store.ts";

/** The pages with their sizes, or why there are none. */
export type BasePages =
  | { readonly kind: "pages"; readonly texts: readonly string[]; readonly pages: BaseHeader["pages"] }
  /** A bucket has more than 1 MiB, or all of them have more than `bytesMax`. */
  | { readonly kind: "too-large" };

export function pagesOf(tables: readonly PackedTable[], bytesMax: number): BasePages {
  const texts: string[] = [];
  let entries: string[] = [];
  // The brackets of a page.
  let bytes = 2;
  let all = 0;
  for (const { table, buckets } of tables)
    for (const { bucket, text } of [...buckets].sort((left, right) => left.bucket - right.bucket)) {
      const entry = JSON.stringify([table, bucket, text]);
      const size = byteLength(entry) + 1;
      all += size;
      if (size + 2 > ROW_BYTES_MAX || all > bytesMax) return { kind: "too-large" };
      if (bytes + size > ROW_BYTES_MAX) {
        texts.push(`[${entries.join(",")}]`);
        [entries, bytes] = [[], 2];
      }
      entries.push(entry);
      bytes += size;
    }
  if (entries.length > 0) texts.push(`[${entries.join(",")}]`);
  return { kind: "pages", texts, pages: texts.map((text) => ({ bytes: byteLength(text), hash: textHash(text) })) };
}

/** The tables of pages. Null: a page is damaged. */
export function readPages(names: readonly string[], texts: readonly string[]): readonly PackedTable[] | null {
  const pages = texts.map(parseBasePage);
  return pages.every((page) => page.ok)
    ? tablesOf(
        names,
        pages.flatMap((page) => page.value),
      )
    : null;
}

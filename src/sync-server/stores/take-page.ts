/** S6 for every store: how many of the following records go into one page. */
import type { ReadLimit, StoredRecord } from "./event-store.ts";

/** A record, and the bytes of its text in UTF-8. */
export type SizedRecord = { readonly record: StoredRecord; readonly bytes: number };

/**
 * Returns the first record, and the following ones while all together stay within the limit. Reads no further record.
 */
export function takePage(following: Iterable<SizedRecord>, limit: ReadLimit): StoredRecord[] {
  const page: StoredRecord[] = [];
  let events = 0;
  let size = 0;
  for (const { record, bytes } of following) {
    events += record.cursor.position - record.position + 1;
    size += bytes;
    if (page.length > 0 && (events > limit.events || size > limit.bytes)) break;
    page.push(record);
    if (events >= limit.events || size >= limit.bytes) break;
  }
  return page;
}

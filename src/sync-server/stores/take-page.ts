/**
 * S6 in one place: how much of what follows goes into one page.
 *
 * Place: every store hands it the records from where the reader stands, with their sizes; it stops asking as soon as the page is full.
 */
import type { ReadLimit, StoredRecord } from "./event-store.ts";

/** A record and the bytes of its text in UTF-8. */
export type SizedRecord = { readonly record: StoredRecord; readonly bytes: number };

/** The first record, and those after it as long as all stay within events and bytes. */
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

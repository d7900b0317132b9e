/** Confirmed records, as the store has them: read page by page, and checked for what folding relies on. */
import type { CommitRecord } from "../../core/history/record.ts";
import { recordsOf } from "../stores/batches.ts";
import type { ConfirmedBatch, LogStore } from "../stores/log-store.ts";
import { RejectedError } from "../../core/values/errors.ts";
import { corruptRow } from "../stores/storage-errors.ts";

/** All confirmed records behind a position, page by page. */
export async function* readConfirmed(store: LogStore, position: number): AsyncGenerator<readonly CommitRecord[]> {
  for (let at = position, more = true; more;) {
    const refresh = await store.refresh({ position: at, pendingTail: Number.MAX_SAFE_INTEGER });
    for (const batch of refresh.batches) {
      yield recordsBehind(batch, at);
      at = batch.cursor.position;
    }
    more = refresh.more;
  }
}

/**
 * The records of a confirmed text that are behind a position.
 *
 * The text was checked in full before it was stored. This checks again only what folding relies on, because a disk may
 * have damaged the text: then the error says so, whatever was damaged.
 */
export function recordsBehind(batch: ConfirmedBatch, position: number): readonly CommitRecord[] {
  const records = recordsOf(batch);
  for (const record of records)
    if (!isFoldable(record))
      throw corruptRow("confirmed", batch.cursor.position, `has a damaged record at position ${record.position}`);
  return records[0] && records[0].position > position
    ? records
    : records.filter((record) => record.position > position);
}

function isFoldable({ commit, client, actor, events }: CommitRecord): boolean {
  return (
    [commit, client, actor].every((text) => typeof text === "string") &&
    events.every(
      (event) =>
        typeof event?.stream === "string" && typeof event.type === "string" && typeof event.version === "number",
    )
  );
}

/** Throws if the first records of the log are not on this device, because it joined the log from a base. */
export async function requireWholeLog(store: LogStore): Promise<void> {
  const end = Number.MAX_SAFE_INTEGER;
  const { base } = await store.refresh({ position: end, pendingTail: end });
  if (base === null) return;
  throw new RejectedError({
    message: `The records up to position ${base.position} are not on this device, because it joined the log after them`,
    fix: "Read them from the server: GET /logs/:log/export, or the calls of server.log(name).",
    details: { code: "before-base", position: base.position },
  });
}

/** Finds the place in a stream that belongs to a position of its log. */
import type { LogName, StreamName } from "../../core/values/ids.ts";
import type { EventStore } from "../stores/event-store.ts";

/**
 * Returns a version from which a reader gets each event of the stream behind the position, and at most one record
 * before them. It makes about twice as many reads as the number of versions has binary digits.
 */
export async function versionAt(
  store: Pick<EventStore, "readStream">,
  log: LogName,
  stream: StreamName,
  position: number,
): Promise<number> {
  if (position === 0) return 0;
  /** True if the record after this version is behind the position, or missing. */
  const isReached = async (version: number): Promise<boolean> => {
    const [record] = await store.readStream(log, stream, version, { events: 1, bytes: 1 });
    return record === undefined || record.cursor.position > position;
  };
  if (await isReached(0)) return 0;
  let [low, high] = [0, 1];
  while (!(await isReached(high))) [low, high] = [high, high * 2];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await isReached(middle)) high = middle;
    else low = middle;
  }
  return low;
}

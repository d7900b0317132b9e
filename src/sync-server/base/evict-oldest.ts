/**
 * Deletes entries from the front of a map while `isOver` returns true for the first one. A map keeps the order of
 * insertion, so the first entry is the oldest.
 */
export function evictOldest<Key, Value>(
  map: Map<Key, Value>,
  isOver: (oldest: Value) => boolean,
  evict: (key: Key) => void = (key) => map.delete(key),
): void {
  for (const [key, value] of map) {
    if (!isOver(value)) return;
    evict(key);
  }
}

/**
 * Returns the index of the first item from which on `isFrom` is true for all, or the number of items.
 *
 * A binary search, because a column may have thousands of cards and each measurement costs time.
 */
export function firstFrom<Item>(
  items: { readonly length: number; readonly [at: number]: Item },
  isFrom: (item: Item) => boolean,
): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item !== undefined && !isFrom(item)) low = middle + 1;
    else high = middle;
  }
  return low;
}

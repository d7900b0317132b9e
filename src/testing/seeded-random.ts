/** Random numbers that are the same for the same seed, so that a failure can be repeated. */

/** A source of random numbers. */
export type SeededRandom = {
  /** Returns a whole number from 0 to `end - 1`. */
  below(end: number): number;
  /** Returns true with this probability, from 0 to 1. */
  chance(probability: number): boolean;
  /** Returns one of the items. It throws for an empty array. */
  pick<Item>(items: readonly Item[]): Item;
};

/**
 * Returns a source for a seed. It is the generator mulberry32 with 32 bits of state, which is good enough for tests
 * only.
 */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    below: (end) => Math.floor(next() * end),
    chance: (probability) => next() < probability,
    pick(items) {
      const item = items[Math.floor(next() * items.length)];
      if (item === undefined) throw new Error("The array to pick from is empty. Pass at least one item.");
      return item;
    },
  };
}

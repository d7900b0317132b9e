/** Sets of numbers as sorted, inclusive ranges `[first, last]`. No range touches the next. */

export type NumberRanges = readonly (readonly [first: number, last: number])[];

/** Adds numbers to the ranges. @param numbers in any order */
export function withNumbers(ranges: NumberRanges, numbers: Iterable<number>): NumberRanges {
  const joined: [number, number][] = [];
  const sorted = [...ranges, ...Array.from(numbers, (n) => [n, n] as const)].sort((a, b) => a[0] - b[0]);
  for (const [first, last] of sorted) {
    const before = joined.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else joined.push([first, last]);
  }
  return joined;
}

/** Returns the part of the ranges above a number. */
export function rangesAbove(ranges: NumberRanges, n: number): NumberRanges {
  return ranges.flatMap(([first, last]) => (last <= n ? [] : [[Math.max(first, n + 1), last] as const]));
}

/** Returns the part of the ranges at or below a number. */
export function rangesUpTo(ranges: NumberRanges, n: number): NumberRanges {
  return ranges.flatMap(([first, last]) => (first > n ? [] : [[first, Math.min(last, n)] as const]));
}

/** Returns the numbers outside of the ranges. @param numbers sorted */
export function notInRanges(numbers: readonly number[], ranges: NumberRanges): number[] {
  let at = 0;
  return numbers.filter((n) => {
    while ((ranges[at]?.[1] ?? Number.POSITIVE_INFINITY) < n) at++;
    return n < (ranges[at]?.[0] ?? Number.POSITIVE_INFINITY);
  });
}

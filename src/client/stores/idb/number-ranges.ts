/** Sets of numbers as ranges: sorted, `[first, last]`, both in it, none touching the next. */

export type NumberRanges = readonly (readonly [first: number, last: number])[];

/** @param numbers in any order */
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

/** What of the ranges lies above a number. */
export function rangesAbove(ranges: NumberRanges, n: number): NumberRanges {
  return ranges.flatMap(([first, last]) => (last <= n ? [] : [[Math.max(first, n + 1), last] as const]));
}

/** What of the ranges lies at or below a number. */
export function rangesUpTo(ranges: NumberRanges, n: number): NumberRanges {
  return ranges.flatMap(([first, last]) => (first > n ? [] : [[first, Math.min(last, n)] as const]));
}

/** @param numbers rising */
export function notInRanges(numbers: readonly number[], ranges: NumberRanges): number[] {
  let at = 0;
  return numbers.filter((n) => {
    while ((ranges[at]?.[1] ?? Number.POSITIVE_INFINITY) < n) at++;
    return n < (ranges[at]?.[0] ?? Number.POSITIVE_INFINITY);
  });
}

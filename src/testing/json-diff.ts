/** The difference of two JSON values, line by line, for the message of a failed expectation. */
import type { Json } from "../core/values/json.ts";

/** Lines of a compared value, at most. Longer values are shown whole, because comparing takes lines × lines steps. */
const LINES_MAX = 400;

/**
 * Lines of both values: `-` is only in the expected value, `+` only in the actual value, all others are in both.
 *
 * @example
 * jsonDiff([{ a: 1 }], [{ a: 2 }]) // "  [\n    {\n-     \"a\": 1\n+     \"a\": 2\n    }\n  ]"
 */
export function jsonDiff(expected: Json, actual: Json): string {
  const [left, right] = [linesOf(expected), linesOf(actual)];
  const marked =
    left.length > LINES_MAX || right.length > LINES_MAX
      ? [...left.map((line) => `- ${line}`), ...right.map((line) => `+ ${line}`)]
      : compare(left, right);
  return marked.join("\n");
}

/** Sorts keys, because equal objects must look equal. Drops commas, because a line must not depend on the next one. */
function linesOf(value: Json): string[] {
  const sorted = JSON.stringify(
    value,
    (_, inner: unknown) =>
      isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
    2,
  );
  return sorted.split("\n").map((line) => line.replace(/,$/, ""));
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Marks the lines of the longest common subsequence, and the lines that only one side has. */
function compare(left: readonly string[], right: readonly string[]): string[] {
  const common = Array.from({ length: left.length + 1 }, () => new Uint32Array(right.length + 1));
  const at = (row: number, column: number): number => common[row]?.[column] ?? 0;
  for (let row = left.length - 1; row >= 0; row--) {
    for (let column = right.length - 1; column >= 0; column--) {
      const here =
        left[row] === right[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
      common[row]?.fill(here, column, column + 1);
    }
  }
  const lines: string[] = [];
  for (let row = 0, column = 0; row < left.length || column < right.length;) {
    const same = row < left.length && column < right.length && left[row] === right[column];
    if (same) {
      lines.push(`  ${left[row]}`);
      row++;
      column++;
    } else if (column >= right.length || (row < left.length && at(row + 1, column) >= at(row, column + 1)))
      lines.push(`- ${left[row++]}`);
    else lines.push(`+ ${right[column++]}`);
  }
  return lines;
}

/**
 * The output of a command: lines for people, or one JSON value a line for programs.
 *
 * Guarantees (cli.logs.test.ts):
 * - Results go to stdout. Progress and remarks for people go to stderr, so that a pipe gets only results.
 * - A slow reader of stdout slows the command down, so that memory stays bounded.
 * - Control characters of stored texts do not reach the terminal.
 */
import { once } from "node:events";
import { type Json, parseOwnJson } from "../../core/values/json.ts";
import { ending } from "./ending.ts";

/** The width of a line without a terminal. */
const COLUMNS = 100;

type Cells = readonly (string | number)[];

/** A row for people, and the same as JSON. */
export type TableRow = { readonly cells: Cells; readonly value: Json };

export class Output {
  readonly isJson: boolean;

  constructor(isJson: boolean) {
    this.isJson = isJson;
  }

  /** True if a person sees the progress on a terminal. */
  get isTerminal(): boolean {
    return process.stderr.isTTY === true && !this.isJson;
  }

  /** The columns to which a line is cut. Infinity: stdout is not a terminal, so nothing is cut. */
  get columns(): number {
    return process.stdout.isTTY === true ? process.stdout.columns || COLUMNS : Infinity;
  }

  /** Writes a result: a line for people, or a JSON value for programs. */
  async result(line: string, value: Json): Promise<void> {
    await this.write(`${this.isJson ? JSON.stringify(value) : line}\n`);
  }

  /** Writes a table with its titles for people, or a JSON value for each row. */
  async table(titles: readonly string[], rows: readonly TableRow[]): Promise<void> {
    const [head, ...lines] = tableLines([titles, ...rows.map(({ cells }) => cells)]);
    if (!this.isJson && rows.length > 0) await this.write(`${head}\n`);
    for (const [n, { value }] of rows.entries()) await this.result(lines[n] ?? "", value);
  }

  /** Writes a line that only people need. */
  remark(line: string): void {
    if (!this.isJson) process.stderr.write(`${line}\n`);
  }

  async write(text: string): Promise<void> {
    if (!process.stdout.write(text)) await once(process.stdout, "drain", { signal: ending.signal });
  }
}

/** The JSON of a result of the server's calls, whose types say less. */
export function jsonOf(value: unknown): Json {
  return parseOwnJson<Json>(JSON.stringify(value));
}

/** A stored text without control characters, which could move the cursor of a terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A line that fits. */
export function cut(line: string, columns: number): string {
  return line.length > columns ? `${line.slice(0, columns - 1)}…` : line;
}

/** Lines with two spaces between their columns. Numbers are at the right of their column. */
function tableLines(rows: readonly Cells[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [n, cell] of row.entries()) widths[n] = Math.max(widths[n] ?? 0, cellText(cell).length);
  return rows.map((row) =>
    row
      .map((cell, n) => {
        const text = cellText(cell);
        return typeof cell === "number" ? text.padStart(widths[n] ?? 0) : text.padEnd(widths[n] ?? 0);
      })
      .join("  ")
      .trimEnd(),
  );
}

function cellText(cell: string | number): string {
  return typeof cell === "number" ? withCommas(cell) : cell;
}

/** A time without milliseconds. */
export function timeText(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, "Z");
}

/** A number in groups of three digits. */
export function withCommas(number: number): string {
  return number.toLocaleString("en-US");
}

/** A number with its noun, such as `1 log` and `2 logs`. */
export function count(number: number, noun: string): string {
  return `${withCommas(number)} ${noun}${number === 1 ? "" : "s"}`;
}

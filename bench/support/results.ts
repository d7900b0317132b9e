// The results of a workload: a table on the screen, and a file to compare.
import { mkdirSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, totalmem } from "node:os";

const folder = new URL("../results/", import.meta.url);

export function writeResult(name: string, result: { readonly [key: string]: unknown }): void {
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${arch()}`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    new URL(`${name}.json`, folder),
    `${JSON.stringify({ ...result, machine, date: new Date().toISOString(), node: process.version }, null, 2)}\n`,
  );
  console.log(`\nbench/results/${name}.json`);
}

/** Prints columns that are wide enough for their cells. The first is aligned left, numbers right. */
export function printTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const lines = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  for (const line of lines)
    console.log(
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join("  "),
    );
}

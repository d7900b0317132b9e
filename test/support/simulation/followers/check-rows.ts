/**
 * Checks the followers of a log against the checker's own fold, which shares no code with the followers.
 *
 * Guarantees:
 * - The cursor of a follower is the end of a record.
 * - Its rows are the fold of the log up to the cursor, less what was poison, and less the rows that were deleted.
 * - Pages have their keys in the order of UTF-8 bytes.
 */
import type { ReadModel } from "../../../../src/sync-server/read-models/read-model.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { canonical, type PlainRecord } from "../../../../src/testing/simulate/plain-record.ts";
import { parseOwnJson } from "../../own-json.ts";
import { type Refolds, rowsOf } from "../refolds.ts";
import type { Deletions } from "./deletions.ts";

const ALL = { from: null, to: null, after: null, limit: 1_000, bytes: 1_000_000 };

/** Returns what is wrong, in words. */
export async function checkRows(
  store: EventStore,
  log: string,
  records: readonly PlainRecord[],
  models: readonly ReadModel[],
  refolds: Refolds,
  deletions: Deletions,
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const model of models) {
    for (const name of [model.follower, model.beside]) {
      const page = await store.models?.rows(log, name, "rows", ALL);
      if (!page) continue;
      const { at, text } = page.follower;
      const end = at === null ? 0 : records.findLastIndex(({ mark }) => mark === at.mark) + 1;
      if (at !== null && end === 0) {
        problems.push(`${name} has a cursor that is no record end: ${at.position}`);
        continue;
      }
      const { phase } = parseOwnJson<{ phase: string }>(text);
      if (phase === "purged" && page.rows.length > 0) problems.push(`${name} is purged and has rows`);
      if (phase === "purged") continue;
      const expected = rowsOf(refolds.after(end), model.name);
      problems.push(...compare(`${name} at ${end}`, page.rows, expected, deletions.of(name)));
    }
  }
  return problems;
}

function compare(
  what: string,
  stored: readonly (readonly [string, string | null])[],
  expected: ReadonlyMap<string, string>,
  deleted: ReadonlySet<string>,
): readonly string[] {
  const problems: string[] = [];
  const found = stored.map(([key]) => key);
  const sorted = [...found].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
  if (found.join() !== sorted.join()) problems.push(`${what} has keys out of order: ${found.join()}`);
  const rows = new Map(stored.flatMap(([key, text]) => (text === null ? [] : [[key, text] as const])));
  for (const key of new Set([...expected.keys(), ...rows.keys()])) {
    const row = rows.get(key);
    const [seen, right] = [row === undefined ? undefined : canonical(parseOwnJson(row)), expected.get(key)];
    if (!deleted.has(key) && seen !== right) problems.push(`${what} has ${key} = ${seen}, and the fold is ${right}`);
    if (deleted.has(key) && seen !== undefined) problems.push(`${what} has the deleted row ${key}`);
  }
  return problems;
}

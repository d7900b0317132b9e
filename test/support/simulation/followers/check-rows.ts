/**
 * Checks the followers of a log against the checker's own fold, which shares no code with the followers.
 *
 * Guarantees:
 * - The cursor of a follower is the end of a record.
 * - Its rows are the fold of the log up to the cursor, less what was poison, and less the rows that were deleted. Rows
 *   that lack unknown events say so. Of these, the rows of all other streams are right.
 * - Pages have their keys in the order of UTF-8 bytes.
 */
import type { ReadModel } from "../../../../src/sync-server/read-models/read-model.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { canonical, type PlainRecord } from "../../../../src/testing/simulate/plain-record.ts";
import { parseOwnJson } from "../../own-json.ts";
import { type Refolds, rowsOf } from "../refolds.ts";
import type { Deletions } from "./deletions.ts";

const ALL = { from: null, to: null, after: null, limit: 1_000, bytes: 1_000_000 };

/** The facts that the checker knows of the log and of its operators. */
export type KnownFollowers = {
  readonly records: readonly PlainRecord[];
  /** The marks of records that a restore removed. */
  readonly lost: ReadonlySet<string>;
  readonly models: readonly ReadModel[];
  readonly refolds: Refolds;
  readonly deletions: Deletions;
};

/** Returns what is wrong, in words. */
export async function checkRows(
  store: EventStore,
  log: string,
  { records, lost, models, refolds, deletions }: KnownFollowers,
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const model of models) {
    for (const name of [model.follower, model.beside]) {
      const page = await store.models?.rows(log, name, "rows", ALL);
      if (!page) continue;
      const { at, text } = page.follower;
      const end = at === null ? 0 : records.findLastIndex(({ mark }) => mark === at.mark) + 1;
      if (at !== null && end === 0) {
        // The rows are built again once a node finds the restore.
        if (lost.has(at.mark)) continue;
        problems.push(`${name} has a cursor that is no record end: ${at.position}`);
        continue;
      }
      const { phase, hasUnknown } = parseOwnJson<{ phase: string; hasUnknown: boolean }>(text);
      if (phase === "purged" && page.rows.length > 0) problems.push(`${name} is purged and has rows`);
      if (phase === "purged") continue;
      const unknown = hasUnknown ? streamsOf(records.slice(0, end), "Doubled") : NONE;
      // The rows of `kinds` belong to many streams.
      if (unknown.size > 0 && model.name !== "totals") continue;
      const expected = [...rowsOf(refolds.after(end), model.name)].filter(([key]) => !unknown.has(key));
      const rows = page.rows.filter(([key]) => !unknown.has(key));
      problems.push(...compare(`${name} at ${end}`, rows, new Map(expected), deletions.of(name)));
    }
  }
  return problems;
}

const NONE: ReadonlySet<string> = new Set();

function streamsOf(records: readonly PlainRecord[], type: string): ReadonlySet<string> {
  return new Set(records.flatMap(({ events }) => events.flatMap((event) => (event.type === type ? event.stream : []))));
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

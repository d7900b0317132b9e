/**
 * Checks the followers of a log against the checker's own fold, which shares no code with the followers.
 *
 * Guarantees:
 * - The cursor of a follower is the end of a record.
 * - Its rows are the fold of the log up to the cursor, less what was poison. A deleted row stays absent.
 * - Pages have their keys in the order of UTF-8 bytes.
 */
import type { ReadModel } from "../../../../src/sync-server/read-models/read-model.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { canonical, type PlainRecord } from "../../../../src/testing/simulate/plain-record.ts";
import { refold } from "../../../../src/testing/simulate/refold.ts";
import { parseOwnJson } from "../../own-json.ts";
import { domain } from "./domain.ts";

const ALL = { from: null, to: null, after: null, limit: 1_000, bytes: 1_000_000 };

/** Deleted keys by model. `must`: no job began after the deletion, so the row is absent. `may`: it can be absent. */
export type Deleted = ReadonlyMap<string, { readonly must: ReadonlySet<string>; readonly may: ReadonlySet<string> }>;

/** Returns what is wrong, in words. */
export async function checkRows(
  store: EventStore,
  log: string,
  records: readonly PlainRecord[],
  models: readonly ReadModel[],
  deleted: Deleted,
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const model of models) {
    for (const name of [model.follower, model.beside]) {
      const page = await store.models?.rows(log, name, "rows", ALL);
      if (!page) continue;
      const { at, text } = page.follower;
      const end = at === null ? 0 : records.findIndex(({ mark }) => mark === at.mark) + 1;
      if (at !== null && end === 0) {
        problems.push(`${name} has a cursor that is no record end: ${at.position}`);
        continue;
      }
      const { phase } = parseOwnJson<{ phase: string }>(text);
      if (phase === "purged" && page.rows.length > 0) problems.push(`${name} is purged and has rows`);
      if (phase === "purged") continue;
      problems.push(...compare(name, model, page.rows, records.slice(0, end), deleted));
    }
  }
  return problems;
}

function compare(
  follower: string,
  { name, follower: live }: ReadModel,
  stored: readonly (readonly [string, string | null])[],
  records: readonly PlainRecord[],
  deleted: Deleted,
): readonly string[] {
  const problems: string[] = [];
  const found = stored.map(([key]) => key);
  const sorted = [...found].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
  if (found.join() !== sorted.join()) problems.push(`${follower} has keys out of order: ${found.join()}`);
  const expected = new Map(
    [...refold(records, domain.definition)].flatMap(([id, row]) =>
      id.startsWith(`${name} `) ? [[id.slice(name.length + 1), row] as const] : [],
    ),
  );
  const rows = new Map(stored.flatMap(([key, text]) => (text === null ? [] : [[key, text] as const])));
  const { must, may } = deleted.get(name) ?? { must: new Set(), may: new Set() };
  for (const key of new Set([...expected.keys(), ...rows.keys()])) {
    const row = rows.get(key);
    const [seen, right] = [row === undefined ? undefined : canonical(parseOwnJson(row)), expected.get(key)];
    if (follower === live && must.has(key) && seen !== undefined)
      problems.push(`${follower} has the deleted row ${key}`);
    if (seen === right || (seen === undefined && may.has(key))) continue;
    problems.push(`${follower} has ${key} = ${seen}, and the fold of ${records.length} records is ${right}`);
  }
  return problems;
}

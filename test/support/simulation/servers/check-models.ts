/**
 * Checks the rows, the strong models and the bases of the simulated servers against the checker's own fold.
 *
 * Guarantees:
 * - The cursor of a follower is the end of a record, and its rows are the fold up to there. A cursor that the log has
 *   lost stays until a node builds the rows again.
 * - A strong model that was ready is at the head after each append of its release, and parked nothing.
 * - A base has the rows and states of its one cursor.
 */
import type { ReadModel } from "../../../../src/sync-server/read-models/read-model.ts";
import type { AppendResult } from "../../../../src/sync-server/stores/event-store.ts";
import type { Follower, LogFollowers, ModelStore } from "../../../../src/sync-server/stores/model-store.ts";
import { canonical } from "../../../../src/testing/simulate/plain-record.ts";
import { parseOwnJson } from "../../own-json.ts";
import { differences, type Folded, type Refolds, rowsOf } from "../refolds.ts";
import type { Ledger } from "./ledger.ts";

const ALL = { from: null, to: null, after: null, limit: 1_000, bytes: 1_000_000 };

/** The followers of bases that are ready. */
const BASE = /^base\/[^/]+\/\d+$/;

type Notes = { readonly phase: string; readonly parkedCount: number };

/** The deleted keys of a follower. */
export type DeletedKeys = (follower: string) => ReadonlySet<string>;

export type ModelsOfRelease = { readonly models: readonly ReadModel[]; readonly refolds: Refolds };

export class ModelChecks {
  readonly #log: string;
  readonly #ledger: Ledger;
  readonly #isLost: (mark: string) => boolean;
  /** The revision of each follower at the last check. */
  readonly #checked = new Map<string, number>();

  /** `isLost`: a restore of the log alone removed the record with this mark. */
  constructor(log: string, ledger: Ledger, isLost: (mark: string) => boolean) {
    this.#log = log;
    this.#ledger = ledger;
    this.#isLost = isLost;
  }

  /** Checks each follower that moved since the last check. */
  async check(
    store: ModelStore,
    releases: readonly ModelsOfRelease[],
    deleted: DeletedKeys,
  ): Promise<readonly string[]> {
    const found = await store.followers(this.#log);
    const problems: string[] = [];
    for (const follower of followersIn(found)) {
      if (this.#checked.get(follower.name) === follower.revision) continue;
      this.#checked.set(follower.name, follower.revision);
      if (follower.at && this.#isLost(follower.at.mark)) continue;
      for (const { models, refolds } of releases) {
        const model = models.find((one) => one.follower === follower.name || one.beside === follower.name);
        if (model) problems.push(...(await this.#checkRows(store, model, follower, refolds, deleted(follower.name))));
        if (model) break;
      }
      if (BASE.test(follower.name)) problems.push(...(await this.#checkBase(store, follower, releases)));
    }
    return problems;
  }

  async #checkRows(
    store: ModelStore,
    { name }: ReadModel,
    follower: Follower,
    refolds: Refolds,
    deleted: ReadonlySet<string>,
  ): Promise<readonly string[]> {
    const page = await store.rows(this.#log, follower.name, "rows", ALL);
    const end = this.#ledger.endOf(follower.at);
    if (end === null) return [`${follower.name} has a cursor that is no record end: ${follower.at?.position}`];
    // A job that ended has no rows.
    if (!page) return [];
    const stored = page.rows.flatMap(([key, text]) => (text === null ? [] : [[key, normal(text)] as const]));
    const expected = [...rowsOf(refolds.after(end), name)].filter(([key]) => !deleted.has(key));
    return differences(`${follower.name} at ${end}`, new Map(stored), new Map(expected));
  }

  async #checkBase(
    store: ModelStore,
    follower: Follower,
    releases: readonly ModelsOfRelease[],
  ): Promise<readonly string[]> {
    const page = await store.rows(this.#log, follower.name, "pages", ALL);
    const end = this.#ledger.endOf(follower.at);
    if (end === null) return [`${follower.name} has a cursor that is no record end: ${follower.at?.position}`];
    const tables = new Map<string, Map<string, string>>();
    for (const [, text] of page?.rows ?? [])
      for (const [table, , bucket] of parseOwnJson<[string, number, string][]>(text ?? "[]")) {
        const rows = tables.get(table) ?? new Map<string, string>();
        for (const [key, row] of parseOwnJson<[string, unknown][]>(bucket)) rows.set(key, valueOf(table, row));
        tables.set(table, rows);
      }
    const { tables: names } = parseOwnJson<{ tables: readonly string[] }>(follower.text);
    const identities = new Set(names);
    const release = releases.find(({ models }) => models.every(({ identity }) => identities.has(identity)));
    if (!release) return [`${follower.name} has tables of no release: ${names.join()}`];
    const folded = release.refolds.after(end);
    return names.flatMap((table) =>
      differences(`${follower.name}: ${table}`, tables.get(table) ?? new Map(), expectedOf(folded, table)),
    );
  }
}

/** Runs an append, and checks that the strong models moved with it. */
export async function watchStrong(
  store: () => ModelStore,
  log: string,
  { models, refolds }: ModelsOfRelease,
  count: () => number,
  append: () => Promise<AppendResult>,
): Promise<{ readonly result: AppendResult; readonly problems: readonly string[] }> {
  const before = await store().followers(log);
  const records = count();
  const result = await append();
  if (result.kind !== "ok" || count() === records) return { result, problems: [] };
  const after = await store().followers(log);
  const problems: string[] = [];
  for (const { name, follower, strong } of models) {
    if (!strong) continue;
    const [old, now] = [before, after].map((found) => followersIn(found).find((one) => one.name === follower));
    const wasReady = records === 0 || (isAtHead(before, old) && old !== undefined && notesOf(old).phase === "ready");
    if (!wasReady) continue;
    if (!now || !isAtHead(after, now)) {
      problems.push(`${follower} was ready, and an append of its release did not move it`);
      continue;
    }
    if (notesOf(now).parkedCount !== (old ? notesOf(old).parkedCount : 0))
      problems.push(`${follower} parked an event of an append that it could refuse`);
    const page = await store().rows(log, follower, "rows", ALL);
    const rows = page?.rows.flatMap(([key, text]) => (text === null ? [] : [[key, normal(text)] as const])) ?? [];
    const expected = rowsOf(refolds.after(count()), name);
    problems.push(...differences(`${follower} after an append`, new Map(rows), expected));
  }
  return { result, problems };
}

export function followersIn(found: LogFollowers): readonly Follower[] {
  return found.kind === "open" ? found.followers : [];
}

function isAtHead(found: LogFollowers, follower: Follower | undefined): boolean {
  return found.kind === "open" && follower?.at?.mark !== undefined && follower.at.mark === found.head?.mark;
}

function notesOf({ text }: Follower): Notes {
  return parseOwnJson<Notes>(text);
}

function normal(text: string): string {
  return canonical(parseOwnJson<unknown>(text));
}

const isStates = (table: string): boolean => table.startsWith("$streams");

/** A base has the states with their versions. */
function valueOf(table: string, row: unknown): string {
  if (!isStates(table) || typeof row !== "object" || row === null || !("state" in row)) return canonical(row);
  return canonical(row.state);
}

function expectedOf(folded: Folded, table: string): ReadonlyMap<string, string> {
  return isStates(table) ? folded.states : rowsOf(folded, table.split("@")[0] ?? "");
}

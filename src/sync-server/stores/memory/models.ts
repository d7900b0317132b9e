/** The read models of the store in memory, with the same rules as in a database. */
import { type Cursor, sameCursor } from "../../../core/history/record.ts";
import { byteLength } from "../../../core/values/byte-length.ts";
import { checkModelWrite, refuseSqlTables } from "../check-model-write.ts";
import type {
  DuePage,
  Follower,
  FollowerNext,
  LogFollowers,
  ModelStore,
  ModelWrite,
  ModelWriteResult,
  RowPage,
  RowRange,
} from "../model-store.ts";
import { compareKeys } from "../row-keys.ts";

/** A log as the models see it. */
export type ModelLog = {
  readonly head: Cursor | null;
  readonly isRecordEnd: (cursor: Cursor) => boolean;
};

type Table = Map<string, string | null>;
type Kept = { follower: Follower; readonly tables: Map<string, Table> };
type Lease = { readonly holder: string; readonly until: number };

export class MemoryModels implements ModelStore {
  readonly #findLog: (log: string) => ModelLog | "gone" | undefined;
  readonly #logNames: () => readonly string[];
  readonly #followers = new Map<string, Map<string, Kept>>();
  readonly #leases = new Map<string, Lease>();

  constructor(findLog: (log: string) => ModelLog | "gone" | undefined, logNames: () => readonly string[]) {
    this.#findLog = findLog;
    this.#logNames = logNames;
  }

  async followers(name: string): Promise<LogFollowers> {
    const log = this.#findLog(name);
    if (log === undefined) return { kind: "absent" };
    if (log === "gone") return { kind: "gone" };
    const followers = [...this.#of(name).values()]
      .map(({ follower }) => follower)
      .sort((left, right) => compareKeys(left.name, right.name));
    return { kind: "open", head: log.head, followers };
  }

  async write(name: string, write: ModelWrite): Promise<ModelWriteResult> {
    checkModelWrite(write);
    const log = this.#findLog(name);
    if (log === undefined) return { kind: "absent" };
    if (log === "gone") return { kind: "gone" };
    const followers = this.moved(name, write, log.isRecordEnd);
    if (followers.length > 0) return { kind: "moved", followers };
    this.apply(name, write);
    return { kind: "ok" };
  }

  /** The followers of a write that have another revision, or whose next cursor is not in the log (M1, M3). */
  moved(name: string, write: ModelWrite, isRecordEnd: (cursor: Cursor) => boolean): readonly string[] {
    refuseSqlTables(write);
    const kept = this.#of(name);
    const isMoved = ({ name: follower, revision, next }: ModelWrite["followers"][number]): boolean =>
      (kept.get(follower)?.follower.revision ?? 0) !== revision ||
      (next !== null && next !== "check" && next.at !== null && !isRecordEnd(next.at));
    return write.followers.filter(isMoved).map((one) => one.name);
  }

  /** Applies a write that `moved` accepted. Nothing here throws or waits, so that a reader sees all of it (M2). */
  apply(name: string, { followers, rows }: ModelWrite): void {
    const kept = new Map(this.#of(name));
    const moved = new Map<string, Map<string, Table>>();
    for (const { name: follower, next } of followers)
      if (next !== null && next !== "check") moved.set(follower, takeTables(kept, follower, next));
    for (const { name: follower, revision, next } of followers) {
      if (next === "check") continue;
      if (next === null) kept.delete(follower);
      else kept.set(follower, nextOf(kept.get(follower), moved.get(follower), follower, revision, next));
    }
    for (const { follower, table, set, remove } of rows) {
      const stored = kept.get(follower)?.tables.get(table);
      for (const [key, text] of set) stored?.set(key, text);
      for (const key of remove) stored?.delete(key);
    }
    this.#followers.set(name, kept);
  }

  async rows(name: string, follower: string, table: string, range: RowRange): Promise<RowPage | null> {
    this.#findLog(name);
    const kept = this.#of(name).get(follower);
    const stored = kept?.tables.get(table);
    if (!kept || !stored) return null;
    const { after, limit, bytes } = range;
    const { from, to } = "keys" in range ? { from: null, to: null } : range;
    const following = [...("keys" in range ? new Set(range.keys) : stored.keys())]
      .filter(
        (key) =>
          stored.has(key) &&
          (from === null || compareKeys(key, from) >= 0) &&
          (to === null || compareKeys(key, to) < 0) &&
          (after === null || compareKeys(key, after) > 0),
      )
      .sort(compareKeys);
    const rows: [string, string | null][] = [];
    let size = 0;
    for (const key of following.slice(0, limit)) {
      const text = stored.get(key) ?? null;
      size += byteLength(text ?? "");
      if (rows.length > 0 && size > bytes) break;
      rows.push([key, text]);
    }
    return { follower: kept.follower, rows, more: rows.length < following.length };
  }

  async lease(name: string, follower: string, holder: string, ms: number): Promise<boolean> {
    const log = this.#findLog(name);
    if (log === undefined || log === "gone") return false;
    const key = `${name} ${follower}`;
    const now = Date.now();
    const held = this.#leases.get(key);
    if (held && held.holder !== holder && held.until > now) return false;
    this.#leases.set(key, { holder, until: now + ms });
    return ms > 0;
  }

  /** Nothing refers to an orphaned table, so the memory is free already. */
  async sweep(): Promise<boolean> {
    this.#findLog("");
    return false;
  }

  async due(names: readonly string[], now: number, after: string | null, limit: number): Promise<DuePage> {
    const following = this.#logNames().filter((name) => after === null || name > after);
    const page = following.slice(0, limit);
    const logs = page.filter((name) => {
      const log = this.#findLog(name);
      const kept = this.#of(name);
      const head = typeof log === "object" ? log.head : null;
      return (
        names.some((one) => !sameCursor(kept.get(one)?.follower.at ?? null, head)) ||
        [...kept.values()].some(({ follower: { wake } }) => wake !== null && wake <= now)
      );
    });
    return { logs, next: following.length > page.length ? (page.at(-1) ?? null) : null };
  }

  /** Deletes everything of a log (M11). */
  drop(name: string): void {
    this.#followers.delete(name);
    for (const key of this.#leases.keys()) if (key.startsWith(`${name} `)) this.#leases.delete(key);
  }

  /** The followers of a log that was renamed. */
  rename(name: string, to: string): void {
    const followers = this.#followers.get(name);
    this.drop(name);
    this.drop(to);
    if (followers) this.#followers.set(to, followers);
  }

  #of(name: string): ReadonlyMap<string, Kept> {
    return this.#followers.get(name) ?? NONE;
  }
}

const NONE: ReadonlyMap<string, Kept> = new Map();

/** Takes tables away from other followers, before these followers change in the same write. */
function takeTables(kept: ReadonlyMap<string, Kept>, name: string, { tables }: FollowerNext): Map<string, Table> {
  const taken = new Map<string, Table>();
  for (const [table, change] of Object.entries(tables)) {
    if (typeof change === "string") continue;
    const source = kept.get(change.from)?.tables;
    taken.set(table, source?.get(table) ?? new Map());
    if (change.from !== name) source?.delete(table);
  }
  return taken;
}

function nextOf(
  before: Kept | undefined,
  moved: ReadonlyMap<string, Table> | undefined,
  name: string,
  revision: number,
  { at, text, wake, tables }: FollowerNext,
): Kept {
  const next = new Map<string, Table>();
  for (const [table, change] of Object.entries(tables)) {
    const source = change === "keep" ? before?.tables.get(table) : moved?.get(table);
    next.set(table, source ?? new Map<string, string | null>());
  }
  return { follower: { name, revision: revision + 1, at, wake, text }, tables: next };
}

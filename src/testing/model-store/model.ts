/**
 * A simple model of the read models of a store, made of plain objects that are copied for each write.
 *
 * Guarantees: it shares no code with any store, so that both cannot have the same bug.
 */
import type { Cursor } from "../../core/history/record.ts";
import type { ModelWrite, ModelWriteResult, Vetoed } from "../../sync-server/stores/model-store.ts";
import type { SqlStatement } from "../../sync-server/stores/sql-tables.ts";

const SQL_TABLE = "sql/numbers";

type Tables = Readonly<Record<string, Readonly<Record<string, string | null>>>>;
export type PlainFollower = {
  readonly revision: number;
  readonly at: Cursor | null;
  readonly wake: number | null;
  readonly text: string;
  readonly tables: Tables;
};

export class PlainModels {
  followers: Readonly<Record<string, PlainFollower>> = {};
  ends: readonly Cursor[] = [];
  isGone = false;

  moved({ followers }: ModelWrite, ends = this.ends): string[] {
    return followers
      .filter(({ name, revision, next }) => {
        if ((this.followers[name]?.revision ?? 0) !== revision) return true;
        if (next === null || next === "check" || next.at === null) return false;
        const { position, mark } = next.at;
        return !ends.some((end) => end.position === position && end.mark === mark);
      })
      .map(({ name }) => name);
  }

  write(write: ModelWrite): ModelWriteResult {
    if (this.isGone) return { kind: "gone" };
    if (this.ends.length === 0) return { kind: "absent" };
    const followers = this.moved(write);
    if (followers.length > 0) return { kind: "moved", followers };
    const [first, ...others] = this.refused(write);
    if (first) return { ...first, others };
    this.apply(write);
    return { kind: "ok" };
  }

  /** The events with a statement that inserts a key which the table has already. The others change the table. */
  refused(write: ModelWrite): Vetoed[] {
    let copy = new PlainModels();
    copy.followers = this.followers;
    copy.apply({ ...write, statements: [] });
    const refused: Vetoed[] = [];
    for (const statements of eventsOf(write.statements ?? [])) {
      const after = new PlainModels();
      after.followers = copy.followers;
      const wrong = statements.find((statement) => !after.insert(statement));
      if (wrong) refused.push({ kind: "vetoed", follower: wrong.follower, event: wrong.event, message: "" });
      else copy = after;
    }
    return refused;
  }

  /** Returns false if the table has the key. */
  insert({ follower, params: [key] }: SqlStatement): boolean {
    const kept = this.followers[follower];
    if (!kept) return true;
    if (Object.hasOwn(kept.tables[SQL_TABLE] ?? {}, String(key))) return false;
    const table = { ...kept.tables[SQL_TABLE], [String(key)]: "" };
    this.followers = { ...this.followers, [follower]: { ...kept, tables: { ...kept.tables, [SQL_TABLE]: table } } };
    return true;
  }

  apply({ followers, rows, statements = [] }: ModelWrite): void {
    const before = this.followers;
    const after: Record<string, PlainFollower> = { ...before };
    // A table leaves its follower before any follower of the write changes.
    for (const { from, table } of followers.flatMap(movesOf)) {
      const source = after[from];
      if (source) after[from] = { ...source, tables: without(source.tables, table) };
    }
    for (const { name, revision, next } of followers) {
      if (next === "check") continue;
      const own = after[name]?.tables ?? {};
      delete after[name];
      if (next === null) continue;
      const tables: Record<string, Tables[string]> = {};
      for (const [table, change] of Object.entries(next.tables)) {
        const source = typeof change === "object" ? before[change.from]?.tables : change === "keep" ? own : {};
        tables[table] = source?.[table] ?? {};
      }
      const { at, wake, text } = next;
      after[name] = { revision: revision + 1, at, wake, text, tables };
    }
    for (const { follower, table, set, remove } of rows) {
      const kept = after[follower];
      if (!kept) continue;
      const changed = { ...kept.tables[table], ...Object.fromEntries(set) };
      for (const key of remove) delete changed[key];
      after[follower] = { ...kept, tables: { ...kept.tables, [table]: changed } };
    }
    this.followers = after;
    for (const statement of statements) this.insert(statement);
  }
}

/** The statements of each event of a follower. An event has its statements one after the other. */
function eventsOf(statements: readonly SqlStatement[]): SqlStatement[][] {
  const events = new Map<string, SqlStatement[]>();
  for (const statement of statements) {
    const key = JSON.stringify([statement.follower, statement.event]);
    events.set(key, [...(events.get(key) ?? []), statement]);
  }
  return [...events.values()];
}

function movesOf({ next }: ModelWrite["followers"][number]): { from: string; table: string }[] {
  if (next === null || next === "check") return [];
  return Object.entries(next.tables).flatMap(([table, change]) =>
    typeof change === "object" ? [{ from: change.from, table }] : [],
  );
}

function without(tables: Tables, table: string): Tables {
  return Object.fromEntries(Object.entries(tables).filter(([name]) => name !== table));
}

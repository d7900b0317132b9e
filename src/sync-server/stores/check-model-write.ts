/** The checks of a write of read models that need only the write. Every store calls this before it reads anything. */
import { BugError } from "../../core/values/errors.ts";
import { exceedsBytes } from "../../core/values/byte-length.ts";
import { type ModelWrite, ROW_BYTES_MAX } from "./model-store.ts";
import { placeholdersIn, sqlTable } from "./sql-tables.ts";

/** Throws a BugError if a store without SQL gets a SQL table. */
export function refuseSqlTables({ followers, statements = [] }: ModelWrite): void {
  const has = followers.some(({ next }) => next !== null && next !== "check" && next.sql !== undefined);
  if (has || statements.length > 0) throw new BugError("The store has no SQL tables");
}

/** Throws a BugError if the write is wrong for every store, whatever the log contains. */
export function checkModelWrite({ followers, rows, statements = [] }: ModelWrite): void {
  const tables = new Map<string, ReadonlySet<string>>();
  for (const { name, next } of followers) {
    if (tables.has(name)) throw new BugError("A write names a follower twice", { follower: name });
    tables.set(name, new Set(next === null || next === "check" ? [] : Object.keys(next.tables)));
  }
  for (const { follower, table, set, remove } of rows) {
    if (tables.get(follower)?.has(table) !== true)
      throw new BugError("A write has rows of a table that it does not change", { follower, table });
    const keys = new Set(remove);
    for (const [key, text] of set) {
      keys.add(key);
      if (text !== null && exceedsBytes(text, ROW_BYTES_MAX))
        throw new BugError(`The text of a row has more than ${ROW_BYTES_MAX} bytes`, { follower, table, key });
    }
    if (keys.size < set.length + remove.length)
      throw new BugError("A write changes the row of a key twice", { follower, table });
  }
  for (const { follower, sql } of statements)
    for (const name of placeholdersIn(sql))
      if (tables.get(follower)?.has(sqlTable(name)) !== true)
        throw new BugError("A write has a statement on a table that it does not change", { follower, table: name });
}

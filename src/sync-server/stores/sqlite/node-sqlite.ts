/**
 * Node's SQLite behind the port `sql`, opened so that a commit survives a power cut.
 *
 * Guarantees:
 * - Each opening sets and checks the write-ahead log with `synchronous=FULL`, because some builds of SQLite fall back
 *   to NORMAL when they open such a file again. If the check fails, opening throws (S2, sqlite.test.ts).
 */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { StorageLostError } from "../../../core/values/errors.ts";
import { classifySqlError } from "./failure.ts";
import type { Sql, SqlRow, SqlValue } from "./sql.ts";

/**
 * Milliseconds that a call waits for another process's write. The wait blocks the process, but an append takes
 * milliseconds.
 */
const BUSY_MS_MAX = 5_000;

/** Opens a database whose commits are durable. Throws a DacapoError if that is not possible. */
export function openDatabase(path: string): DatabaseSync {
  if (path !== ":memory:" && !isUri(path)) makeFolder(dirname(path));
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(path);
    makeDurable(database, path);
    return database;
  } catch (error) {
    database?.close();
    throw classifySqlError(error, `opening ${path}`).error;
  }
}

/** SQLite parses URIs itself, so `dirname` cannot find their folder. */
function isUri(path: string): boolean {
  return path.startsWith("file:");
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    const message = `The folder ${folder} of the event store cannot be created: ${String(cause)}`;
    throw new StorageLostError({ message, fix: "Pass a folder that this process may create or write to.", cause });
  }
}

function makeDurable(database: DatabaseSync, path: string): void {
  database.exec(`pragma busy_timeout = ${BUSY_MS_MAX}`);
  // On macOS a plain fsync leaves the data in the drive's cache. Elsewhere the two are the same.
  database.exec("pragma fullfsync = on; pragma checkpoint_fullfsync = on");
  // The pages of the write-ahead log (16 MB) that are copied into the database at once. Most commits write the same few
  // pages, so fewer copies write less, and sync the disk less often.
  database.exec("pragma wal_autocheckpoint = 4000");
  const journal = database.prepare("pragma journal_mode = wal").get()?.["journal_mode"];
  database.exec("pragma synchronous = full");
  const synchronous = database.prepare("pragma synchronous").get()?.["synchronous"];
  if (synchronous === 2 && (journal === "wal" || path === ":memory:")) return;
  throw new StorageLostError({
    message:
      `SQLite cannot make ${path} durable: ` +
      `journal_mode is ${String(journal)}, synchronous is ${String(synchronous)}`,
    fix: "Keep the file on a local disk that supports SQLite's write-ahead log.",
  });
}

/** Compiled statements of a generation. The statements of apps name the tables of single logs, so there may be many. */
const STATEMENTS_MAX = 1_000;

/** The compiled statements that were used last. Two generations cost less than an order of their use. */
class Statements {
  readonly #database: DatabaseSync;
  #young = new Map<string, StatementSync>();
  #old = new Map<string, StatementSync>();
  /** The rows of a write run the same statement one after the other. */
  #last: { readonly query: string; readonly statement: StatementSync } | null = null;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  of(query: string): StatementSync {
    if (this.#last?.query === query) return this.#last.statement;
    const statement = this.#young.get(query) ?? this.#renewed(query);
    this.#last = { query, statement };
    return statement;
  }

  #renewed(query: string): StatementSync {
    const statement = this.#old.get(query) ?? this.#database.prepare(query);
    if (this.#young.size >= STATEMENTS_MAX) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(query, statement);
    return statement;
  }
}

/** The port `sql` on Node's database. A statement is compiled once, while it is among the last ones. */
export function nodeSql(database: DatabaseSync): Sql {
  let open = true;
  const statements = new Statements(database);
  return {
    rows<Row extends SqlRow>(query: string, ...values: readonly SqlValue[]) {
      // The caller names the row's type. STRICT tables keep it true (`sql.ts`).
      return statements.of(query).iterate(...values) as Iterable<Row>;
    },
    first<Row extends SqlRow>(query: string, ...values: readonly SqlValue[]) {
      // The caller names the type of this row too.
      return statements.of(query).get(...values) as Row | undefined;
    },
    run(statement, ...values) {
      statements.of(statement).run(...values);
    },
    transaction(mode, work) {
      database.exec(mode === "write" ? "begin immediate" : "begin");
      try {
        const result = work();
        database.exec("commit");
        return result;
      } catch (error) {
        undo(database, "rollback");
        throw error;
      }
    },
    savepoint(work) {
      database.exec("savepoint dacapo_write");
      try {
        const result = work();
        database.exec("release dacapo_write");
        return result;
      } catch (error) {
        undo(database, "rollback to dacapo_write; release dacapo_write");
        throw error;
      }
    },
    soon: (run) => void setImmediate(run),
    close() {
      if (open) database.close();
      open = false;
    },
  };
}

function undo(database: DatabaseSync, statements: string): void {
  try {
    database.exec(statements);
  } catch {
    // After some errors, such as a full disk, SQLite has rolled back by itself. The first error is the one to report.
    // `database.isTransaction` would show it, but only from Node 22.16 on.
  }
}

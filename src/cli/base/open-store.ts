/**
 * The store that a URL names: `sqlite:logs.db`, `postgres://…` or `memory:`.
 *
 * Guarantees (cli.usage.test.ts):
 * - A command that reads creates no file and no tables. Otherwise a typing error would look like an empty store.
 * - No password of a URL reaches an output.
 */
import { existsSync, realpathSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { DefinitionError, StorageLostError } from "../../core/values/errors.ts";
import type { EventStore } from "../../sync-server/stores/event-store.ts";

export type OpenOptions = {
  /** True: the store is created if it is missing. */
  readonly mayCreate?: boolean;
};

export async function openStore(url: string, { mayCreate = false }: OpenOptions = {}): Promise<EventStore> {
  if (url.startsWith("sqlite:")) return openSqlite(url.slice("sqlite:".length), mayCreate);
  if (/^postgres(ql)?:\/\//.test(url)) return openPostgres(url, mayCreate);
  if (url === "memory:") return (await import("../../sync-server/stores/memory.ts")).memory();
  throw new DefinitionError({
    message: `${shownUrl(url)} is not the URL of a store`,
    fix: "Pass sqlite:logs.db, postgres://user:password@host:5432/database, or memory: for a try.",
  });
}

/** A URL without its password, which ends at the last `@` before the path. */
export function shownUrl(url: string): string {
  const inAuthority = url.replace(/(:\/\/[^:/@\s]*):[^\s/?#]*@/, "$1:***@");
  // A password that should have been escaped ends the authority for a reader of URLs.
  const hidden = inAuthority === url ? url.replace(/(:\/\/[^:/@\s]*):[^@\s]*@/, "$1:***@") : inAuthority;
  return hidden.replace(/([?&]password=)[^&\s]*/g, "$1***");
}

async function openSqlite(path: string, mayCreate: boolean): Promise<EventStore> {
  if (path !== "" && path !== ":memory:" && !mayCreate && !existsSync(path))
    throw new StorageLostError({
      message: `The file ${path} does not exist`,
      fix: "Pass the path of an existing store.",
    });
  return (await import("../../sync-server/stores/sqlite.ts")).sqlite(path);
}

async function openPostgres(url: string, mayCreate: boolean): Promise<EventStore> {
  const { postgres } = await import("../../sync-server/stores/postgres.ts").catch((cause: unknown) => {
    if (!isMissingModule(cause)) throw cause;
    throw new DefinitionError({
      message: "The package pg is missing",
      fix: "Run `npm install pg`, and try again.",
      cause,
    });
  });
  const store = postgres(url);
  if (!mayCreate) await requireTables(url);
  await store.open?.().catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  return store;
}

/** Throws if no server has used this schema of the database yet. */
async function requireTables(address: string): Promise<void> {
  const { splitAddress } = await import("../../sync-server/stores/postgres/address.ts");
  const { url, schema = "public" } = splitAddress(address);
  const { hasTables } = await import("../../sync-server/stores/postgres/has-tables.ts");
  if (await hasTables(url, schema)) return;
  throw new StorageLostError({
    message: `The schema ${schema} of the database has no tables of Dacapo`,
    fix: "Check the database and the schema in the URL. A server creates the tables at its first start.",
  });
}

function isMissingModule(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
}

/** True if two URLs name one store, maybe in two spellings. */
export function isSameStore(left: string, right: string): boolean {
  if (left.startsWith("sqlite:") && right.startsWith("sqlite:"))
    return placeOfFile(left.slice("sqlite:".length)) === placeOfFile(right.slice("sqlite:".length));
  return placeOfUrl(left) === placeOfUrl(right);
}

/** The same text for each path of one file, also by a link. A file that is missing has its path. */
function placeOfFile(path: string): string {
  if (!existsSync(path)) return resolve(path);
  const { dev, ino } = statSync(path, { bigint: true });
  return ino === 0n ? realpathSync(path) : `${dev}:${ino}`;
}

/** The server, the database and the schema of a URL. People reach one database as different roles. */
function placeOfUrl(text: string): string {
  const url = /^postgres(ql)?:/.test(text) ? URL.parse(text) : null;
  if (!url) return text;
  const host = /^(localhost|127\.0\.0\.1|\[::1\]|)$/.test(url.hostname) ? "localhost" : url.hostname.toLowerCase();
  const schema = url.searchParams.get("schema") ?? "public";
  const socket = url.searchParams.get("host") ?? "";
  return [host, url.port || "5432", decodeURIComponent(url.pathname), schema, socket].join(" ");
}

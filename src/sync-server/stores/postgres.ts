/**
 * The event store in a Postgres database, for servers of many nodes.
 *
 * Place: the entry `dacapo/postgres`. It needs the package `pg`, version 8.
 *
 * @module dacapo/postgres
 */
import { DefinitionError } from "../../core/values/errors.ts";
import { type OptionNames, requireKnownOptions } from "../../core/values/known-options.ts";
import type { EventStore } from "./event-store.ts";
import { splitAddress } from "./postgres/address.ts";
import { layoutText, quotedName } from "./postgres/layout.ts";
import { PostgresPool } from "./postgres/pool.ts";
import { PostgresTables } from "./postgres/tables.ts";
import { TableEventStore } from "./sql/table-event-store.ts";

/** Options of `postgres`. */
export type PostgresOptions = {
  /**
   * The address, such as `postgres://user:password@host:5432/database`. `?schema=app` names the schema, as on the
   * command line.
   */
  readonly url: string;
  /**
   * The schema of the tables. The store creates it if it is missing.
   *
   * @default the schema of `url`, or "public"
   */
  readonly schema?: string;
  /**
   * The most connections of this process: a whole number from 1 on. A quarter of them is for turns (`takeTurn`). With
   * 1, turns have one more. Hints have another one.
   *
   * @default 16
   */
  readonly connectionsMax?: number;
};

const OPTIONS: OptionNames<PostgresOptions> = { url: true, schema: true, connectionsMax: true };
const SCHEMA = "public";
const CONNECTIONS_MAX = 16;
/** Postgres cuts longer names without an error. */
const SCHEMA_BYTES_MAX = 63;

/**
 * An event store in a Postgres database, version 14 or later. Many nodes may share it. The store connects when it is
 * first used, and `serve` waits for that.
 *
 * Use a direct connection or a pool in session mode, because the store keeps prepared statements in its connections.
 *
 * @example
 * import { bearer, serve } from "dacapo/node";
 * import { postgres } from "dacapo/postgres";
 * const store = postgres("postgres://dacapo:secret@localhost:5432/dacapo");
 * await serve({ domain, store, authorize: bearer({ tokens: { "adas-secret": "ada" } }) });
 *
 * @throws DefinitionError (`definition`) if the address, the schema or `connectionsMax` has another form, or if an
 *   option is not known.
 */
export function postgres(options: string | PostgresOptions): EventStore {
  const given: PostgresOptions = typeof options === "object" ? options : { url: options };
  requireKnownOptions("`postgres`", given, OPTIONS);
  const { connectionsMax = CONNECTIONS_MAX } = given;
  if (!/^postgres(ql)?:\/\//.test(given.url)) {
    throw new DefinitionError({
      message: "postgres() received a value that is not the URL of a Postgres database",
      fix: 'Pass a URL such as "postgres://user:password@localhost:5432/database".',
    });
  }
  if (!Number.isSafeInteger(connectionsMax) || connectionsMax < 1) {
    throw new DefinitionError({
      message: `connectionsMax is ${String(connectionsMax)}, which is not a number of connections`,
      fix: "Pass a whole number from 1 on.",
    });
  }
  const { url, schema = given.schema ?? SCHEMA } = splitAddress(given.url);
  if (given.schema !== undefined && given.schema !== schema) {
    throw new DefinitionError({
      message: `The schema is ${given.schema} in the options and ${schema} in the URL`,
      fix: "Pass the schema in one of the two places.",
    });
  }
  return new TableEventStore(new PostgresTables(url, new PostgresPool({ url, connectionsMax }), quoted(schema)));
}

/**
 * The SQL that creates the tables, or upgrades those of an older Dacapo, for a database role that may not. Run it as
 * another role, before the servers of each release with a new layout start. If the tables are up to date, it changes
 * nothing.
 *
 * @example
 * console.log(postgresLayout());
 */
export function postgresLayout(schema: string = SCHEMA): string {
  return layoutText(quoted(schema));
}

function quoted(schema: string): string {
  const bytes = new TextEncoder().encode(schema).byteLength;
  if (bytes > 0 && bytes <= SCHEMA_BYTES_MAX && !schema.includes("\0")) return quotedName(schema);
  throw new DefinitionError({
    message: `The name of the schema has ${bytes} bytes`,
    fix: `Pass a name of 1 to ${SCHEMA_BYTES_MAX} bytes.`,
  });
}

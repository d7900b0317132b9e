/**
 * Classifies an error of the Postgres driver: the DacapoError that callers receive, and whether the connection is lost.
 *
 * A killed connection fails its call, never the store. The next call gets another connection of the pool.
 */
import {
  BugError,
  DacapoError,
  DefinitionError,
  StorageFullError,
  StorageLostError,
} from "../../../core/values/errors.ts";
import { messageOf } from "../../../core/values/reason.ts";

export type PostgresFailure = {
  readonly error: DacapoError;
  /** The server did not report the end of the call. A read may be sent again. */
  readonly isConnectionLost: boolean;
};

/** Codes of https://www.postgresql.org/docs/current/errcodes-appendix.html, and of Node for a socket. */
const CONNECTION_CODE =
  /^(08|57P0|57014|25P0[34]|58|40001|40P01|53300|EPIPE|ECONN|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|EHOST|ENET)/;
/** The driver's own errors have no code. */
const CONNECTION_TEXT = /connection (terminated|error|ended)|timed? ?out|not queryable/i;

/** A wrong certificate, in Node's words. */
const TLS_CODE = /^(ERR_TLS|ERR_SSL|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_(GET|VERIFY))/;
/** The driver's own errors about TLS and a missing password. */
const SIGN_IN_TEXT = /\bSASL\b|\bSSL\b/;
const SIGN_IN_FIX = "Check the user, the password and the option sslmode in the connection URL.";
const PARAMETERS_FIX = "Check the parameters of the connection URL, such as options, against the settings of Postgres.";
const URL_FIX = "Pass a URL such as postgres://user:password@host:5432/database, with existing files of certificates.";

const LOST_FIX =
  "Nothing to do if the database returns soon: the next call connects again. Otherwise check the database.";
/** `serve` and the command line end if they cannot open their store. */
const OPENING_FIX =
  "Check that the database runs at the host and the port of the connection URL. " +
  "A server or a command that has ended must be started again.";

/** The fixes for codes that an operator can act on. */
const FIXES: readonly (readonly [code: RegExp, fix: string])[] = [
  [/^(28|3D000)/, "Check the user, the password and the database in the connection URL."],
  [
    /^42501$/,
    "Give the database role usage of the schema, and select, insert, update and delete on its tables. SQL models " +
      "need create too. Another role may create and upgrade the other tables by the SQL of postgresLayout().",
  ],
  [
    /^53200$/,
    "If there are many logs, raise max_locks_per_transaction: the view of a SQL model locks a table of each. " +
      "Otherwise let Postgres use more memory.",
  ],
  [/^55P03$/, "A report reads the tables of a SQL model. Try again when it has ended."],
  [/^(26000|42P05)$/, "Use a direct connection, or a pool in session mode. The store keeps prepared statements."],
  [/^XX00[12]$/, "Stop the server and restore the database from a backup, because Postgres found damaged data."],
  [/^25006$/, "Pass the URL of the primary server, because this server is read-only."],
  [/^(42P01|3F000)$/, "Open the store again, because its tables were removed."],
];

/** Converts an error of the driver to a DacapoError. A DacapoError stays as it is. */
export function classifyPostgresError(error: unknown, place: string): PostgresFailure {
  if (error instanceof DacapoError) return { error, isConnectionLost: false };
  const code = codeOf(error);
  const reason = reasonText(error);
  const facts = { message: `Postgres failed in ${place}: ${reason}`, details: { place, code }, cause: error };
  if (/^(53100|54)/.test(code)) {
    const fix = "Free some space for the database. Devices keep their work and push it again.";
    return { error: new StorageFullError({ ...facts, fix }), isConnectionLost: false };
  }
  const isLost = CONNECTION_CODE.test(code) || (code === "" && CONNECTION_TEXT.test(reason));
  // A missing file is the socket of a server that is down, or a certificate of the URL.
  if (isLost || reason.startsWith("connect ENOENT")) {
    const fix = place === "opening" ? OPENING_FIX : LOST_FIX;
    return { error: new StorageLostError({ ...facts, fix }), isConnectionLost: true };
  }
  if (/^(ERR_INVALID_URL|ENOENT)$/.test(code)) {
    const { message, details } = facts;
    return { error: new DefinitionError({ message, fix: URL_FIX, details, cause: error }), isConnectionLost: false };
  }
  if (/^(42704|22023|55P02)$/.test(code))
    return { error: new DefinitionError({ ...facts, fix: PARAMETERS_FIX }), isConnectionLost: false };
  if (TLS_CODE.test(code) || (code === "" && SIGN_IN_TEXT.test(reason)))
    return { error: new StorageLostError({ ...facts, fix: SIGN_IN_FIX }), isConnectionLost: false };
  const fix = FIXES.find(([pattern]) => pattern.test(code))?.[1];
  if (fix !== undefined) return { error: new StorageLostError({ ...facts, fix }), isConnectionLost: false };
  return { error: new BugError(facts.message, facts.details), isConnectionLost: false };
}

/**
 * Codes that say something about a statement or its values: data, constraints, syntax, and errors that SQL raises. A
 * missing right is not among them, because an operator must grant it.
 */
const REFUSED = /^(0A|21|22|23|2F|42(?!501)|44|P0)/;

/** True if Postgres refused a statement of an app, and the same statement would be refused again. */
export function isRefusedStatement(error: unknown): boolean {
  return REFUSED.test(codeOf(error));
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** Node joins the failures of several addresses into an error without a message. */
export function reasonText(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(String).join("; ");
  return messageOf(error);
}

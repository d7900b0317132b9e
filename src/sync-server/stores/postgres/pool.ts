/**
 * The connections to one Postgres database, over the package `pg`.
 *
 * Guarantees:
 * - A connection that the server ends fails at most its own call. `pg` throws in the process if a connection has no
 *   listener for errors, so every connection gets one when it opens.
 * - A call waits at most `WAIT_MS_MAX` for a free connection, and at most `STATEMENT_MS_MAX` for its answer.
 * - Each connection sets what the store relies on before its first statement, whatever an administrator set for the
 *   role or the database (postgres.settings.test.ts).
 * - Turns have connections of their own. So many turns that wait for their logs never keep other calls waiting.
 */
import pg from "pg";
import { StorageLostError } from "../../../core/values/errors.ts";

/** Statements of one transaction. */
export type Statements = {
  readonly rows: <Row extends object>(text: string, values: readonly unknown[]) => Promise<readonly Row[]>;
  readonly run: (text: string) => Promise<void>;
};

/** Runs one statement, which each connection plans once under `name`. */
export type Statement = <Row extends object>(name: string, text: string, values: unknown[]) => Promise<readonly Row[]>;

/** Statements without names, on the connection of a turn. */
export function statementsOf(statement: Statement): Statements {
  return {
    rows: (text, values) => statement("", text, [...values]),
    run: async (text) => void (await statement("", text, [])),
  };
}

export type PoolOptions = { readonly url: string; readonly connectionsMax: number };

/** A pushed batch waits about as long for its store before its device gets `unavailable`. */
const WAIT_MS_MAX = 5_000;
const STATEMENT_MS_MAX = 20_000;
/** The share of the connections that only turns use. */
const TURNS_SHARE = 0.25;
/** Postgres ends the turn of a node that sends nothing for so long. Otherwise other nodes would wait for ever. */
const TURN_IDLE_MS_MAX = 10_000;
/** The type `bigint`. Positions and times are safe integers, and `pg` would return texts. */
const BIGINT_OID = 20;

const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: "text" | "binary"): unknown =>
    oid === BIGINT_OID ? Number : pg.types.getTypeParser(oid, format ?? "text"),
};

/**
 * The settings of each connection. They are statements and not parameters of the start, because PgBouncer refuses
 * unknown parameters. A statement of the store must see what was written before it waited for a lock, so no other
 * isolation works.
 */
const SETTINGS = [
  `set statement_timeout = ${STATEMENT_MS_MAX}`,
  `set idle_in_transaction_session_timeout = ${TURN_IDLE_MS_MAX}`,
  "set idle_session_timeout = 0",
  "set lock_timeout = 0",
  "set default_transaction_isolation = 'read committed'",
].join("; ");

export class PostgresPool {
  readonly #pool: pg.Pool;
  readonly #turns: pg.Pool;
  /** The connections that have their settings. */
  readonly #ready = new WeakSet<pg.PoolClient>();

  constructor({ url, connectionsMax }: PoolOptions) {
    const turnsMax = Math.max(1, Math.floor(connectionsMax * TURNS_SHARE));
    this.#pool = open(url, Math.max(1, connectionsMax - turnsMax));
    this.#turns = open(url, turnsMax);
  }

  query<Row extends object>(name: string, text: string, values: unknown[]): Promise<readonly Row[]> {
    return this.#with(this.#pool, async (client) => (await client.query<Row>({ name, text, values })).rows);
  }

  /** Runs the statements of `work` in one transaction, on one connection. */
  async turn<Result>(work: (statement: Statement) => Promise<Result>): Promise<Result> {
    return this.#inTransaction(this.#turns, (client) => work(inTurn(client)));
  }

  async transaction<Result>(work: (sql: Statements) => Promise<Result>): Promise<Result> {
    return this.#inTransaction(this.#pool, (client) => work(statementsOf(inTurn(client))));
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.end(), this.#turns.end()]);
  }

  #inTransaction<Result>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    return this.#with(pool, async (client) => {
      await client.query("begin");
      const result = await work(client);
      const { command } = await client.query("commit");
      // Postgres answers the commit of a failed transaction with a rollback, and not with an error.
      if (command !== "COMMIT") throw rolledBack();
      return result;
    });
  }

  async #with<Result>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    const client = await pool.connect();
    let isBroken = true;
    try {
      if (!this.#ready.has(client)) await client.query(SETTINGS);
      this.#ready.add(client);
      const result = await work(client);
      isBroken = false;
      return result;
    } finally {
      // A connection in the middle of a transaction is closed, and the server rolls back.
      client.release(isBroken);
    }
  }
}

/** Statements of one connection, one after the other. Version 9 of `pg` refuses a statement while another one runs. */
function inTurn(client: pg.PoolClient): Statement {
  let last: Promise<unknown> = Promise.resolve();
  return <Row extends object>(name: string, text: string, values: unknown[]) => {
    const run = async (): Promise<readonly Row[]> => (await client.query<Row>({ name, text, values })).rows;
    const result = last.then(run, run);
    last = result;
    return result;
  };
}

function open(url: string, max: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: WAIT_MS_MAX,
    // A network that vanished sends no answer, so the driver's own limit is a little longer than the server's.
    query_timeout: STATEMENT_MS_MAX + WAIT_MS_MAX,
    keepAlive: true,
    allowExitOnIdle: true,
    application_name: "dacapo",
    types,
  });
  // The call on a lost connection rejects. An idle connection leaves the pool by itself.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool;
}

function rolledBack(): StorageLostError {
  return new StorageLostError({
    message: "Postgres rolled a transaction back, because one of its statements had failed",
    fix: "Nothing to do if it happens seldom: the next call tries again. Otherwise check the database.",
  });
}

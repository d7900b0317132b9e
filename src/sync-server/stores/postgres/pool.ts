/**
 * The connections to one Postgres database, over the package `pg`.
 *
 * Guarantees:
 * - A connection that the server ends fails at most its own call. `pg` throws in the process if a connection has no
 *   listener for errors, so every connection gets one when it opens.
 * - A call waits at most `WAIT_MS_MAX` for a free connection, and at most `STATEMENT_MS_MAX` for its answer.
 */
import pg from "pg";

/** Statements of one transaction. */
export type Statements = {
  readonly rows: <Row extends object>(text: string, values: readonly unknown[]) => Promise<readonly Row[]>;
  readonly run: (text: string) => Promise<void>;
};

export type PoolOptions = { readonly url: string; readonly connectionsMax: number };

/** A pushed batch waits about as long for its store before its device gets `unavailable`. */
const WAIT_MS_MAX = 5_000;
const STATEMENT_MS_MAX = 20_000;
/** The type `bigint`. Positions and times are safe integers, and `pg` would return texts. */
const BIGINT_OID = 20;

const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: "text" | "binary"): unknown =>
    oid === BIGINT_OID ? Number : pg.types.getTypeParser(oid, format ?? "text"),
};

export class PostgresPool {
  readonly #pool: pg.Pool;

  constructor({ url, connectionsMax }: PoolOptions) {
    this.#pool = new pg.Pool({
      connectionString: url,
      max: connectionsMax,
      connectionTimeoutMillis: WAIT_MS_MAX,
      statement_timeout: STATEMENT_MS_MAX,
      // A network that vanished sends no answer, so the driver's own limit is a little longer than the server's.
      query_timeout: STATEMENT_MS_MAX + WAIT_MS_MAX,
      keepAlive: true,
      allowExitOnIdle: true,
      application_name: "dacapo",
      types,
    });
    // The call on a lost connection rejects. An idle connection leaves the pool by itself.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => client.on("error", () => {}));
  }

  /** Runs one statement, which each connection plans once under `name`. */
  async query<Row extends object>(name: string, text: string, values: unknown[]): Promise<readonly Row[]> {
    const { rows } = await this.#pool.query<Row>({ name, text, values });
    return rows;
  }

  async transaction<Result>(work: (sql: Statements) => Promise<Result>): Promise<Result> {
    const client = await this.#pool.connect();
    let isBroken = true;
    try {
      await client.query("begin");
      const result = await work({
        rows: async <Row extends object>(text: string, values: readonly unknown[]) =>
          (await client.query<Row>(text, [...values])).rows,
        run: async (text) => void (await client.query(text)),
      });
      await client.query("commit");
      isBroken = false;
      return result;
    } finally {
      // A connection in the middle of a transaction is closed, and the server rolls back.
      client.release(isBroken);
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}

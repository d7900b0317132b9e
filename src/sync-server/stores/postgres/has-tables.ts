/** Whether a schema of a Postgres database has the tables of the store. The check creates nothing. */
import { classifyPostgresError } from "./failure.ts";
import { quotedName } from "./layout.ts";
import { PostgresPool } from "./pool.ts";

export async function hasTables(url: string, schema: string): Promise<boolean> {
  let pool: PostgresPool | null = null;
  try {
    pool = new PostgresPool({ url, connectionsMax: 1 });
    const text = "select to_regclass($1) is not null as has";
    const [row] = await pool.query<{ has: boolean }>("tables", text, [`${quotedName(schema)}.dacapo_layout`]);
    return row?.has === true;
  } catch (error) {
    throw classifyPostgresError(error, "opening").error;
  } finally {
    await pool?.close();
  }
}

/** The shop as the page reads it from the API. */
import * as v from "valibot";

const job = v.object({
  kind: v.string(),
  phase: v.string(),
  done: v.number(),
  of: v.number(),
  perSecond: v.nullable(v.number()),
  leftMs: v.nullable(v.number()),
});
const model = v.object({
  name: v.string(),
  phase: v.string(),
  behind: v.number(),
  parked: v.number(),
  job: v.nullable(job),
});
const process = v.object({ state: v.string(), behind: v.number(), parked: v.number(), commands: v.number() });
const command = v.object({ process: v.string(), timer: v.nullable(v.string()), due: v.number() });
const rowsOf = <const Row extends v.ObjectEntries>(row: Row) =>
  v.object({ rows: v.array(v.object({ key: v.string(), row: v.object(row) })) });

const state = v.object({
  orders: v.record(v.string(), v.number()),
  models: v.array(model),
  process: v.optional(process),
  commands: v.array(command),
});
const salesRows = rowsOf({ qty: v.number(), cents: v.number() });
const stockRows = rowsOf({ left: v.number() });

export type Model = v.InferOutput<typeof model>;
export type Shop = {
  readonly state: v.InferOutput<typeof state>;
  readonly sales: v.InferOutput<typeof salesRows>["rows"];
  readonly stock: v.InferOutput<typeof stockRows>["rows"];
};

export async function readShop(): Promise<Shop> {
  const [now, sales, stock] = await Promise.all([get("/state"), get("/sales").catch(() => null), get("/stock")]);
  return {
    state: v.parse(state, now),
    // The rows of a model that is built for the first time are not there yet.
    sales: sales === null ? [] : v.parse(salesRows, sales).rows,
    stock: v.parse(stockRows, stock).rows,
  };
}

export async function post(path: string, body: unknown = {}): Promise<void> {
  await answerOf(
    await fetch(`/api${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    }),
  );
}

async function get(path: string): Promise<unknown> {
  return answerOf(await fetch(`/api${path}`));
}

async function answerOf(response: Response): Promise<unknown> {
  if (!response.ok) throw new Error(`The shop answered ${response.status}`);
  return response.json();
}

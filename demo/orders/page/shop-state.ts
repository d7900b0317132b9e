/** The shop as the page reads it from the API. */
import * as v from "valibot";

/** A server that does not answer within this time counts as gone. */
const ANSWER_MS_MAX = 10_000;

const job = v.object({
  kind: v.picklist(["build", "verify"]),
  phase: v.picklist(["running", "paused", "stopped", "done", "cancelled"]),
  done: v.number(),
  of: v.number(),
  perSecond: v.nullable(v.number()),
  leftMs: v.nullable(v.number()),
  lastError: v.nullable(v.string()),
});
const model = v.object({
  name: v.string(),
  phase: v.picklist(["missing", "building", "ready", "purged"]),
  behind: v.number(),
  parked: v.number(),
  job: v.nullable(job),
});
const process = v.object({ state: v.string(), behind: v.number(), parked: v.number(), commands: v.number() });
const command = v.object({ process: v.string(), timer: v.nullable(v.string()), due: v.number() });
const parked = v.object({ event: v.string(), stream: v.string(), position: v.number(), reason: v.string() });
const latest = v.object({
  id: v.string(),
  customer: v.string(),
  pieces: v.number(),
  cents: v.number(),
  isReserved: v.boolean(),
  status: v.picklist(["placed", "paid", "shipped", "cancelled"]),
  reason: v.nullable(v.string()),
  ms: v.number(),
});
const rowsOf = <const Row extends v.ObjectEntries>(row: Row) =>
  v.object({ rows: v.array(v.object({ key: v.string(), row: v.object(row) })) });

/** A cursor begins with the position, which is the number of events. */
const events = v.pipe(
  v.nullable(v.string()),
  v.transform((at) => Number.parseInt(at ?? "0", 10)),
);

const state = v.object({
  at: events,
  orders: v.record(v.string(), v.number()),
  models: v.array(model),
  process: v.optional(process),
  commands: v.array(command),
  release: v.picklist(["none", "mistaken", "right"]),
  parked: v.array(parked),
  /** The result of the last job of `sales`, if it is a comparison. */
  compared: v.nullable(v.object({ rows: v.number(), differences: v.number() })),
  latest: v.array(latest),
});
const salesRows = rowsOf({ qty: v.number(), cents: v.number() });
const stockRows = rowsOf({ left: v.number() });

export type Model = v.InferOutput<typeof model>;
export type Job = v.InferOutput<typeof job>;
export type LatestOrder = v.InferOutput<typeof latest>;
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

/** Throws with a sentence for people. */
export function post(path: string, body: unknown = {}): Promise<unknown> {
  return call(path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
  });
}

function get(path: string): Promise<unknown> {
  return call(path, {});
}

async function call(path: string, request: RequestInit): Promise<unknown> {
  const response = await fetch(`/api${path}`, { ...request, signal: AbortSignal.timeout(ANSWER_MS_MAX) }).catch(() => {
    throw new Error(NO_ANSWER);
  });
  if (response.ok) return response.json();
  const refusal = v.safeParse(v.object({ error: v.string() }), await response.json().catch(() => null));
  throw new Error(refusal.success ? refusal.output.error : NO_ANSWER);
}

const NO_ANSWER = "The shop’s server does not answer";

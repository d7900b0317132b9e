/**
 * Reads the keys that an operator deleted from the rows of a follower. Rows that newer code builds again keep these
 * keys absent, because no operator wanted new rows.
 */
import type { LogName } from "../../core/values/ids.ts";
import type { Env } from "../base/env.ts";
import type { ModelStore } from "../stores/model-store.ts";
import type { StoredTexts } from "./fold-page.ts";
import type { FoldTask } from "./next-step.ts";
import { ROWS } from "./read-model.ts";

const ALL = { from: null, to: null, limit: 500, bytes: 1024 * 1024 } as const;

/** Returns the deleted keys of the tables that a task empties, each with the text null. */
export async function deletedKeys(
  { modelStore, env }: { readonly modelStore: ModelStore; readonly env: Pick<Env, "nextTurn"> },
  log: LogName,
  { name, keepsDeleted = false }: FoldTask,
): Promise<StoredTexts> {
  const deleted = new Map<string, null>();
  // If the follower moves meanwhile, these keys are of another revision. Then the write is refused.
  for (let after: string | null = null, more = keepsDeleted; more;) {
    const page = await modelStore.rows(log, name, ROWS, { ...ALL, after });
    for (const [key, text] of page?.rows ?? []) if (text === null) deleted.set(key, null);
    more = page?.more ?? false;
    after = page?.rows.at(-1)?.[0] ?? null;
    if (more) await env.nextTurn();
  }
  return deleted;
}

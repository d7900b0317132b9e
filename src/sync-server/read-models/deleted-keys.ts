/**
 * Reads the keys that an operator deleted from the rows of a follower. Rows that newer code builds again keep these
 * keys absent, because no operator wanted new rows.
 */
import type { LogName } from "../../core/values/ids.ts";
import type { Env } from "../base/env.ts";
import type { ModelStore, RowRange } from "../stores/model-store.ts";
import { readPages } from "../stores/read-keys.ts";
import type { StoredTexts } from "./fold-page.ts";
import { ROWS } from "./read-model.ts";

/** Returns the deleted keys among these rows of a follower, each with the text null. */
export async function deletedKeys(
  { modelStore, env }: { readonly modelStore: ModelStore; readonly env: Pick<Env, "nextTurn"> },
  log: LogName,
  follower: string,
  range: RowRange,
): Promise<StoredTexts> {
  const deleted = new Map<string, null>();
  // If the follower moves meanwhile, these keys are of another revision. Then the write is refused.
  for await (const page of readPages(modelStore, log, follower, ROWS, range)) {
    for (const [key, text] of page?.rows ?? []) if (text === null) deleted.set(key, null);
    if (page?.more) await env.nextTurn();
  }
  return deleted;
}

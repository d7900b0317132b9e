/**
 * Folds the whole log again beside the live rows, then replaces the rows in the store and in memory.
 *
 * Guarantees (rebuild-rows.test.ts):
 * - Commands continue meanwhile. They wait only for the exchange.
 * - The store gets the new rows in one transaction. If the tab dies before it, the old rows stay.
 * - Of several tabs that rebuild at the same time, one replaces the rows, and all tabs load them.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { Env } from "../env/env.ts";
import type { OnProgress } from "../messages/worker-messages.ts";
import { requireWholeLog } from "./confirmed-records.ts";
import type { Engine } from "./engine.ts";
import { cutBackTooOften, LOADS_MAX, LocalLog } from "./local-log.ts";

export async function rebuildRows(
  engine: Engine,
  { domain, env }: { readonly domain: DomainDefinition; readonly env: Env },
  onProgress: OnProgress,
): Promise<void> {
  await engine.refresh();
  const { rebuilds } = engine.head;
  for (let fold = 0; fold < LOADS_MAX; fold++) {
    // Each time, because another tab may cut the log back meanwhile and join it from a base.
    await requireWholeLog(engine.store);
    const beside = await LocalLog.fold(domain, engine.store, env.now(), onProgress);
    if (beside)
      await engine.replaceLog(async () =>
        (await beside.refresh(env.now())) && (await beside.replaceRows()) ? beside : null,
      );
    await engine.refresh();
    // Another tab that replaced the rows meanwhile folded the same log.
    if (engine.head.rebuilds === rebuilds && engine.head.cursor !== null) continue;
    const { position } = engine.summary;
    await onProgress({ done: position, of: position });
    return;
  }
  throw cutBackTooOften();
}

/** One tab's engine, with the rows that a page would show from its reports. */
import type { Domain } from "../../../src/core/domain/define-domain.ts";
import type { RowDelta, RowEntry } from "../../../src/core/fold/rows.ts";
import { browserEnv } from "../../../src/client/env/browser-env.ts";
import { Engine, type EngineOptions } from "../../../src/client/engine/engine.ts";
import type { MemoryDatabase } from "../../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../../src/client/stores/memory-log-store.ts";

export type EngineTab = {
  readonly engine: Engine;
  /** The rows of a projection, in order of their keys: what was there at opening, and the deltas since. */
  readonly shown: (projection: string) => readonly RowEntry[];
  /** How often the engine said that it wrote. */
  readonly writes: () => number;
  /** Each report of changed rows. */
  readonly reports: (readonly RowDelta[])[];
};

export async function openTab(
  { definition }: Domain,
  database: MemoryDatabase,
  options: Partial<EngineOptions> = {},
): Promise<EngineTab> {
  const tables = new Map<string, Map<string, RowEntry>>();
  const reports: (readonly RowDelta[])[] = [];
  let writes = 0;
  const engine = await Engine.open({
    domain: definition,
    store: memoryLogStore(database),
    env: browserEnv,
    user: "ada",
    synced: true,
    changed: (deltas) => {
      reports.push(deltas);
      for (const { projection, set, removed } of deltas) {
        for (const key of removed) tables.get(projection)?.delete(key);
        for (const entry of set) tables.get(projection)?.set(entry.key, entry);
      }
    },
    wrote: () => writes++,
    ...options,
  });
  for (const name of definition.projections.keys())
    tables.set(name, new Map(engine.replica.entries(name).map((entry) => [entry.key, entry])));
  return {
    engine,
    reports,
    writes: () => writes,
    shown: (projection) => sortedByKey([...(tables.get(projection)?.values() ?? [])]),
  };
}

export function sortedByKey(entries: readonly RowEntry[]): readonly RowEntry[] {
  return entries.toSorted((one, other) => (one.key < other.key ? -1 : 1));
}

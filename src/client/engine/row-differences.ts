/** The rows that differ between two replicas, because a log was loaded again after a divergence. */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { Replica } from "../../core/replica/replica.ts";
import { RowChanges, type RowDelta } from "../../core/fold/rows.ts";

export function rowDifferences(domain: DomainDefinition, before: Replica, after: Replica): RowDelta[] {
  const changes = new RowChanges();
  for (const name of domain.projections.keys()) {
    for (const entry of before.entries(name)) changes.touch(name, entry.key, entry);
    for (const { key } of after.entries(name)) changes.touch(name, key, before.entry(name, key));
  }
  return changes.drain((projection, key) => after.entry(projection, key));
}

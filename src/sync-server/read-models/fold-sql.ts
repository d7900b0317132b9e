/**
 * Folds steps into the statements of a SQL model. Pure.
 *
 * Guarantees (sql-model.on-a-server.test.ts):
 * - An event has all of its statements, or none and is parked.
 * - An event whose statement the database refused is parked with that reason.
 */
import { reasonOf } from "../../core/values/reason.ts";
import type { FoldStep } from "../../core/fold/fold.ts";
import type { Vetoed } from "../stores/model-store.ts";
import type { SqlStatement } from "../stores/sql-tables.ts";
import type { ParkedEvent } from "./follower-notes.ts";
import type { ReadModel } from "./read-model.ts";

/** Events of a model whose statements the database refused, by the id of the event. */
export type RefusedEvents = ReadonlyMap<string, Vetoed>;

export const NONE_REFUSED: RefusedEvents = new Map();

export function foldSql(
  { sql, projection, follower }: ReadModel,
  steps: readonly FoldStep[],
  refused: RefusedEvents,
): { readonly statements: readonly SqlStatement[]; readonly parked: readonly ParkedEvent[] } {
  const statements: SqlStatement[] = [];
  const parked: ParkedEvent[] = [];
  if (!sql) return { statements, parked };
  for (const { event, before, after } of steps) {
    if (!projection.handles(event.aggregate, event.type)) continue;
    const park = (reason: string): void =>
      void parked.push({ event: event.id, stream: event.stream, position: event.position ?? 0, reason });
    const vetoed = refused.get(event.id);
    if (vetoed) {
      park(vetoed.message);
      continue;
    }
    try {
      for (const { params = [], ...change } of sql.statements(event, { before, after }))
        statements.push({ follower, event: event.id, ...change, params });
    } catch (error) {
      park(reasonOf(error));
    }
  }
  return { statements, parked };
}

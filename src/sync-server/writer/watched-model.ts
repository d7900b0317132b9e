/** A read model that reports the errors of the app's functions, because the fold of the device keeps only a reason. */
import type { ProjectionDefinition } from "../../core/domain/definition.ts";
import type { SqlModelDefinition } from "../read-models/sql-model.ts";
import type { ReadModel } from "../read-models/read-model.ts";

/** An error of a key function or a handler, and the position of its event in the log. */
export type ThrownError = { readonly error: unknown; readonly position: number };

/** Returns the same model. `onThrow` is called with each error before the fold catches it. */
export function watchedModel(model: ReadModel, onThrow: (thrown: ThrownError) => void): ReadModel {
  const { projection, domain, name } = model;
  const watch = <T>(position: number | null | undefined, run: () => T): T => {
    try {
      return run();
    } catch (error) {
      onThrow({ error, position: position ?? 0 });
      throw error;
    }
  };
  const watched: ProjectionDefinition = {
    ...projection,
    keys: (event, before, after) => watch(event.position, () => projection.keys(event, before, after)),
    apply: (row, event) => watch(event.position, () => projection.apply(row, event)),
  };
  const sql = model.sql && {
    ...model.sql,
    statements: (...given: Parameters<SqlModelDefinition["statements"]>) =>
      watch(given[0].position, () => model.sql?.statements(...given) ?? []),
  };
  return { ...model, sql, projection: watched, domain: { ...domain, projections: new Map([[name, watched]]) } };
}

/** The fold of a strong model. It keeps the errors of the app, of which the fold of the device keeps only a reason. */
import type { ProjectionDefinition } from "../../core/domain/definition.ts";
import type { FoldStep } from "../../core/fold/fold.ts";
import { type FoldedRows, PageFold, type StoredTexts } from "../read-models/fold-page.ts";
import type { RefusedEvents } from "../read-models/fold-sql.ts";
import type { SqlModelDefinition } from "../read-models/sql-model.ts";
import type { ReadModel } from "../read-models/read-model.ts";

/** An error of a key function or a handler, and the position of its event in the log. */
export type ThrownError = { readonly error: unknown; readonly position: number };

/** Damages that are remembered. */
const DAMAGES_MAX = 100;

/** One object serves all logs and batches, because it costs more than the fold of a commit. */
export class WatchedFold {
  readonly model: ReadModel;
  readonly #page: PageFold;
  readonly #damages = new Set<string>();
  #thrown: ThrownError[] = [];

  constructor(model: ReadModel) {
    this.model = model;
    this.#page = new PageFold(watchedModel(model, (thrown) => this.#thrown.push(thrown)));
  }

  /** True for the first commit that meets this damage of a row, because each commit on the row would report it. */
  isNewDamage(damage: string): boolean {
    if (this.#damages.has(damage)) return false;
    if (this.#damages.size >= DAMAGES_MAX) this.#damages.clear();
    this.#damages.add(damage);
    return true;
  }

  /** The errors of the last fold, in the order of its events. */
  get thrown(): readonly ThrownError[] {
    return this.#thrown;
  }

  fold(steps: readonly FoldStep[], stored: Pick<StoredTexts, "get">, refused: RefusedEvents): FoldedRows {
    this.#thrown = [];
    return this.#page.fold(steps, stored, refused);
  }
}

/** Returns the same model. `onThrow` is called with each error before the fold catches it. */
function watchedModel(model: ReadModel, onThrow: (thrown: ThrownError) => void): ReadModel {
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

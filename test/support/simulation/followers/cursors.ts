/**
 * The cursors of models and of their jobs. This class sees each write in the order of the store.
 *
 * Guarantees:
 * - The cursor of a model's rows goes back only if its rows begin again with an empty table.
 * - A paused job folds nothing.
 */
import type { ModelWrite } from "../../../../src/sync-server/stores/model-store.ts";
import { parseOwnJson } from "../../own-json.ts";
import type { Model } from "./deletions.ts";

export class Cursors {
  readonly problems: string[] = [];
  readonly #models: readonly Model[];
  readonly #positions = new Map<string, number>();
  readonly #paused = new Set<string>();

  constructor(models: readonly Model[]) {
    this.#models = models;
  }

  /** The store made this write. */
  written({ followers }: ModelWrite): void {
    for (const { name, next } of followers) {
      if (!next || next === "check") continue;
      const [before, now] = [this.#positions.get(name) ?? 0, next.at?.position ?? 0];
      const isRead = this.#models.some(({ follower }) => follower === name);
      if (isRead && now < before && next.tables["rows"] !== "new")
        this.problems.push(`the cursor of ${name} went back from ${before} to ${now}`);
      const { state } = parseOwnJson<{ readonly job?: { readonly state: string } }>(next.text).job ?? {};
      if (state === "paused" && this.#paused.has(name) && now !== before)
        this.problems.push(`the paused job ${name} moved from ${before} to ${now}`);
      if (state === "paused") this.#paused.add(name);
      else this.#paused.delete(name);
      this.#positions.set(name, now);
    }
  }
}

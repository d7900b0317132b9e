/**
 * Folds the commits of one batch into the rows of the strong read models, before they are appended.
 *
 *     decided commit ── fold ──┬── rows change for the later commits of the batch
 *                              └── a throw: the rows stay, and that commit alone is rejected
 *
 * Guarantees (strong-models.test.ts):
 * - A commit changes the rows of all models, or of none.
 * - The rows are those of a keeper that folds the same records.
 * - Each changed row is written once, with the records of the batch.
 */
import type { FoldStep } from "../../core/fold/fold.ts";
import type { CommitRecord, Cursor } from "../../core/history/record.ts";
import type { StreamName } from "../../core/values/ids.ts";
import { deepFreeze } from "../../core/values/json.ts";
import type { FollowerWrite, ModelWrite } from "../stores/model-store.ts";
import type { FoldedRows } from "../read-models/fold-page.ts";
import { type ModelRefusal, ModelRows, type ReadyModel, type StateOf, type StrongStore } from "./model-rows.ts";

/** Characters of rows above which the rows of the next model are read commit by commit. */
const PREFETCH_LENGTH = 2 * 1024 * 1024;

export class StrongBatch {
  readonly #store: StrongStore;
  readonly #targets: readonly ModelRows[];
  readonly #passed: readonly { readonly name: string; readonly revision: number }[];
  #refused = 0;

  constructor(
    store: StrongStore,
    ready: readonly ReadyModel[],
    passed: readonly { readonly name: string; readonly revision: number }[],
  ) {
    this.#store = store;
    this.#targets = ready.map((one) => new ModelRows(store, one));
    this.#passed = passed;
  }

  /** True: no model folds the commits of this batch. */
  get isEmpty(): boolean {
    return this.#targets.length === 0;
  }

  /** True: a model refused a commit. */
  get hasRefused(): boolean {
    return this.#refused > 0;
  }

  /** The characters of the rows that this batch read and changed, and about the size of its statements. */
  get length(): number {
    return this.#targets.reduce((sum, target) => sum + target.length, 0);
  }

  /** Reads the rows that the commits of these streams may change. It only saves reads. */
  async prefetch(streams: ReadonlySet<StreamName>, stateOf: StateOf): Promise<void> {
    // The fold of a single commit reads its own rows at once.
    if (streams.size <= 1) return;
    for (const target of this.#targets) if (this.length < PREFETCH_LENGTH) await target.prefetch([...streams], stateOf);
  }

  /**
   * Folds a decided commit. Returns the reason if a model refuses it, and then no row has changed. A promise comes back
   * only if rows must be read, because a wait costs as much as a fold.
   *
   * @param steps all events of the record, folded into their streams by the decision
   * @param stateOf returns the state of each stream of the record before the record
   */
  fold(
    record: CommitRecord,
    steps: readonly FoldStep[],
    stateOf: StateOf,
  ): ModelRefusal | null | Promise<ModelRefusal | null> {
    // Handlers share the events and states, and a state that one of them changed would decide the next commit.
    for (const { event, before, after } of steps) {
      deepFreeze(event);
      deepFreeze(before);
      deepFreeze(after);
    }
    const unread = this.#targets.map((target) => target.unread(record, steps, stateOf));
    if (unread.every((keys) => keys.length === 0)) return this.#fold(record, steps);
    return this.#read(unread).then(() => this.#fold(record, steps));
  }

  async #read(unread: readonly (readonly string[])[]): Promise<void> {
    for (const [n, target] of this.#targets.entries()) await target.read(unread[n] ?? []);
  }

  #fold(record: CommitRecord, steps: readonly FoldStep[]): ModelRefusal | null {
    const changes: FoldedRows[] = [];
    for (const target of this.#targets) {
      const folded = target.fold(record, steps);
      if ("code" in folded) {
        this.#refused++;
        return folded;
      }
      changes.push(folded);
    }
    for (const [n, folded] of changes.entries()) this.#targets[n]?.apply(folded);
    return null;
  }

  /** The write of the append whose last record ends at `head`. Undefined: the server has no strong models. */
  write(head: Cursor | null): ModelWrite | undefined {
    if (this.#targets.length + this.#passed.length === 0) return undefined;
    const passed = this.#passed.map((one): FollowerWrite => ({ ...one, next: "check" }));
    return {
      followers: [...passed, ...this.#targets.map((target) => target.follower(head))],
      rows: this.#targets.flatMap((target) => target.changes()),
      statements: this.#targets.flatMap((target) => target.statements()),
    };
  }

  /** True if the rows of this batch are still those of the store. An append checks it too, but only with a record. */
  async isCurrent(): Promise<boolean> {
    const found = await this.#store.models?.followers(this.#store.log);
    const followers = found?.kind === "open" ? found.followers : [];
    const revisionOf = (name: string): number => followers.find((one) => one.name === name)?.revision ?? 0;
    return this.#targets.every(({ ready }) => revisionOf(ready.fold.model.follower) === ready.revision);
  }

  /** The rows after the append of this batch. Null: a model is still being built, so its revision moves. */
  appended(): readonly ReadyModel[] | null {
    return this.#passed.length > 0 ? null : this.#targets.map((target) => target.appended());
  }
}

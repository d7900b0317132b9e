/**
 * The store that all simulated servers share. It has a journal of its writes, so that a restore can return to each of
 * them. Another restore takes back the records of one log, and leaves its followers.
 */
import type { Append, AppendResult, EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { MemoryModels } from "../../../../src/sync-server/stores/memory/models.ts";
import type { ModelStore, ModelWrite } from "../../../../src/sync-server/stores/model-store.ts";
import { storeThrough } from "../../../../src/testing/event-store/connections.ts";
import type { PlainRecord } from "../../../../src/testing/simulate/plain-record.ts";
import { parseOwnJson } from "../../own-json.ts";

type Write =
  | { readonly kind: "append"; readonly log: string; readonly append: Append }
  | { readonly kind: "write"; readonly log: string; readonly write: ModelWrite }
  | { readonly kind: "cut"; readonly log: string; readonly kept: number };

/** Records of one log that a restore of this log alone removed. `writes`: the model writes of the log before it. */
export type Cut = { readonly writes: number; readonly lost: readonly PlainRecord[] };

/** Called around each append, to compare the strong models before and after it. */
export type WatchAppend = (log: string, append: () => Promise<AppendResult>) => Promise<AppendResult>;

export class BackedUpStore {
  #inner = memory();
  #journal: Write[] = [];
  readonly #appends = new Map<string, Append[]>();
  readonly #records = new Map<string, PlainRecord[]>();
  readonly #modelWrites = new Map<string, ModelWrite[]>();
  readonly #cuts = new Map<string, Cut[]>();

  get models(): ModelStore {
    const { models } = this.#inner;
    if (!models) throw new Error("The store has no models. Use a store with models.");
    return models;
  }

  /** The number of writes that a restore can keep. */
  get writes(): number {
    return this.#journal.length;
  }

  records(log: string): readonly PlainRecord[] {
    return this.#records.get(log) ?? [];
  }

  /** The number of appends that a restore of this log can keep. */
  appends(log: string): number {
    return this.#appends.get(log)?.length ?? 0;
  }

  /** The model writes of a log that are not lost, without those of appends. */
  modelWrites(log: string): readonly ModelWrite[] {
    return this.#modelWrites.get(log) ?? [];
  }

  /** The restores of this log alone, the oldest first. */
  cuts(log: string): readonly Cut[] {
    return this.#cuts.get(log) ?? [];
  }

  /** The store as one node uses it. */
  view(watch: WatchAppend): EventStore {
    const through = storeThrough(
      (call) => call(this.#inner),
      async () => {},
    );
    const { models } = through;
    if (!models) throw new Error("The store has no models. Use a store with models.");
    return {
      ...through,
      append: (log, append) => watch(log, () => this.#append(log, append)),
      models: { ...models, write: (log, write) => this.#write(log, write) },
    };
  }

  /** Returns to the state after the first `kept` writes. */
  async restore(kept: number): Promise<void> {
    const journal = this.#journal.slice(0, kept);
    this.#inner = memory();
    this.#journal = [];
    for (const map of [this.#appends, this.#records, this.#modelWrites, this.#cuts]) map.clear();
    for (const one of journal) {
      if (one.kind === "append") await this.#append(one.log, one.append);
      else if (one.kind === "write") await this.#write(one.log, one.write);
      else await this.restoreLog(one.log, one.kept);
    }
  }

  /** Takes a log back to its first `kept` appends. All followers stay as they are, also those that appends wrote. */
  async restoreLog(log: string, kept: number): Promise<void> {
    this.#appends.get(log)?.splice(kept);
    const inner = memory();
    for (const [name, appends] of this.#appends)
      for (const { models: _models, ...append } of appends) await inner.append(name, append);
    if (!(inner.models instanceof MemoryModels)) throw new Error("The store has other models. Use those in memory.");
    // `apply` does not compare cursors with the log. `write` would refuse those that the log has lost.
    for (const one of this.#journal) {
      const write = one.kind === "append" ? one.append.models : one.kind === "write" ? one.write : undefined;
      if (write) inner.models.apply(one.log, write);
    }
    this.#inner = inner;
    this.#journal.push({ kind: "cut", log, kept });
    const count = (this.#appends.get(log) ?? []).reduce((sum, { records }) => sum + records.length, 0);
    const lost = this.#records.get(log)?.splice(count) ?? [];
    add(this.#cuts, log, [{ writes: this.modelWrites(log).length, lost }]);
  }

  async #append(log: string, append: Append): Promise<AppendResult> {
    const result = await this.#inner.append(log, append);
    if (result.kind !== "ok") return result;
    this.#journal.push({ kind: "append", log, append });
    add(this.#appends, log, [append]);
    add(
      this.#records,
      log,
      append.records.map(({ text }) => parseOwnJson<PlainRecord>(text)),
    );
    return result;
  }

  async #write(log: string, write: ModelWrite) {
    const result = await this.models.write(log, write);
    if (result.kind !== "ok") return result;
    this.#journal.push({ kind: "write", log, write });
    add(this.#modelWrites, log, [write]);
    return result;
  }
}

function add<Value>(lists: Map<string, Value[]>, log: string, values: readonly Value[]): void {
  const list = lists.get(log);
  if (list) list.push(...values);
  else lists.set(log, [...values]);
}

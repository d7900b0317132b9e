/**
 * The store that all simulated servers share. It has a journal of its writes, so that a restore can return to each of
 * them.
 */
import type { Append, AppendResult, EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import type { ModelStore, ModelWrite } from "../../../../src/sync-server/stores/model-store.ts";
import { storeThrough } from "../../../../src/testing/event-store/connections.ts";
import type { PlainRecord } from "../../../../src/testing/simulate/plain-record.ts";
import { parseOwnJson } from "../../own-json.ts";

type Write =
  | { readonly kind: "append"; readonly log: string; readonly append: Append }
  | { readonly kind: "write"; readonly log: string; readonly write: ModelWrite };

/** Called around each append, to compare the strong models before and after it. */
export type WatchAppend = (log: string, append: () => Promise<AppendResult>) => Promise<AppendResult>;

export class BackedUpStore {
  #inner = memory();
  #journal: Write[] = [];
  readonly #records = new Map<string, PlainRecord[]>();
  readonly #modelWrites = new Map<string, ModelWrite[]>();

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

  /** The model writes of a log that are not lost. */
  modelWrites(log: string): readonly ModelWrite[] {
    return this.#modelWrites.get(log) ?? [];
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
    this.#records.clear();
    this.#modelWrites.clear();
    for (const one of journal) {
      if (one.kind === "append") await this.#append(one.log, one.append);
      else await this.#write(one.log, one.write);
    }
  }

  async #append(log: string, append: Append): Promise<AppendResult> {
    const result = await this.#inner.append(log, append);
    if (result.kind !== "ok") return result;
    this.#journal.push({ kind: "append", log, append });
    const records = this.#records.get(log) ?? [];
    for (const { text } of append.records) records.push(parseOwnJson<PlainRecord>(text));
    this.#records.set(log, records);
    return result;
  }

  async #write(log: string, write: ModelWrite) {
    const result = await this.models.write(log, write);
    if (result.kind !== "ok") return result;
    this.#journal.push({ kind: "write", log, write });
    const writes = this.#modelWrites.get(log) ?? [];
    writes.push(write);
    this.#modelWrites.set(log, writes);
    return result;
  }
}

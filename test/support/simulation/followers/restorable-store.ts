/** A store in memory whose log a restore can take back alone. Its followers are then ahead of the log. */
import { type Cursor, sameCursor } from "../../../../src/core/history/record.ts";
import type { EventStore, StoredRecord } from "../../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { MemoryModels } from "../../../../src/sync-server/stores/memory/models.ts";
import { batch } from "../../../../src/testing/event-store/samples.ts";
import { storeThrough } from "../../../../src/testing/event-store/connections.ts";

export class RestorableStore {
  #events = memory();
  readonly #logs = new Map<string, readonly StoredRecord[] | "gone">();
  readonly #models = new MemoryModels(
    (name) => {
      const log = this.#logs.get(name);
      if (log === undefined || log === "gone") return log;
      const isRecordEnd = (at: Cursor): boolean => log.some(({ cursor }) => sameCursor(cursor, at));
      return { head: log.at(-1)?.cursor ?? null, isRecordEnd };
    },
    () => [...this.#logs].flatMap(([name, log]) => (log === "gone" ? [] : [name])),
  );

  readonly store: EventStore = {
    ...storeThrough(
      (call) => call(this.#events),
      async () => {},
    ),
    append: async (name, append) => {
      const result = await this.#events.append(name, append);
      const log = this.#logs.get(name) ?? [];
      if (result.kind === "ok" && log !== "gone") this.#logs.set(name, [...log, ...append.records]);
      return result;
    },
    drop: async (name) => {
      await this.#events.drop(name);
      this.#logs.set(name, "gone");
      this.#models.drop(name);
    },
    rename: async (name, to) => {
      const result = await this.#events.rename(name, to);
      if (result.kind !== "ok") return result;
      this.#logs.set(to, this.#logs.get(name) ?? []);
      this.#logs.delete(name);
      this.#models.rename(name, to);
      return result;
    },
    models: this.#models,
  };

  /** Takes a log back to its first records. Its followers stay. */
  async restore(name: string, kept: number): Promise<void> {
    const log = this.#logs.get(name);
    if (log === undefined || log === "gone") throw new Error(`There is no log ${name} to restore`);
    this.#events = memory();
    this.#logs.delete(name);
    for (const [n, record] of log.slice(0, kept).entries())
      await this.store.append(name, batch(log[n - 1]?.cursor ?? null, { records: [record] }));
  }
}

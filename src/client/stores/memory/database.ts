/** The content of a log store in memory, which outlives its handles as a browser's database does. */
import type { Cursor } from "../../../core/history/record.ts";
import type { ConfirmedBatch, StoredRows, StoreHead } from "../log-store.ts";

export type State = {
  head: StoreHead;
  /** Where the log begins. Null: at its first record. */
  base: Cursor | null;
  /** Confirmed runs, oldest first. The first `sealed` of them are segments. */
  batches: ConfirmedBatch[];
  sealed: number;
  pending: Map<number, string>;
  /** Number of the generation mark in `pending`. */
  mark: number;
  sent: Map<number, string>;
  rejections: Map<string, string>;
  rows: StoredRows | null;
  server: string | null;
};

/** The database that the tabs of one log and user share. */
export class MemoryDatabase {
  #newClientId: () => string;
  #state: State | null = null;

  constructor(newClientId: () => string) {
    this.#newClientId = newClientId;
  }

  /** Returns the stored state, and makes it if there is none. After `delete` it is another object. */
  open(): State {
    return (this.#state ??= {
      head: { client: this.#newClientId(), generation: 0, rebuilds: 0, cursor: null, droppedEnd: null, pendingTail: 0 },
      base: null,
      batches: [],
      sealed: 0,
      pending: new Map(),
      mark: 0,
      sent: new Map(),
      rejections: new Map(),
      rows: null,
      server: null,
    });
  }

  isOpen(state: State): boolean {
    return this.#state === state;
  }

  /** Deletes everything, as a browser does when it evicts a site. Open handles report `storage-lost` after that. */
  delete(): void {
    this.#state = null;
  }

  /** Returns a second database with the same content, as a copied browser profile has. */
  copy(): MemoryDatabase {
    const copy = new MemoryDatabase(this.#newClientId);
    copy.#state = structuredClone(this.#state);
    return copy;
  }
}

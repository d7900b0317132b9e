/**
 * A log as its page shows it: rows, status, rejections and presence, as of the last update.
 *
 * Guarantees:
 * - After `whenShown(seq)`, the rows and values of update `seq` are there.
 */
import type { AnyProjection, RowOf } from "../../core/domain/handle-types.ts";
import type { RowEntry } from "../../core/fold/rows.ts";
import type { LogStatus, RejectedCommit, StorageUse } from "../messages/log-types.ts";
import type { PageUpdate, PlainRejection } from "../messages/worker-messages.ts";
import { liveValue } from "./live-value.ts";
import type { TypedPresence } from "./log-handle.ts";
import { type RowMirror, rowMirror } from "./row-mirror.ts";

/** An update whose presence has the app's type: each version of an app sets presence of one shape. */
export type ShownUpdate<PresenceData> = Omit<PageUpdate, "presence"> & {
  readonly presence?: readonly TypedPresence<PresenceData>[];
};

/** The rows of a projection as of an update. */
export type LoadedRows = { readonly seq: number; readonly entries: readonly RowEntry[] };

export class LogView<PresenceData> {
  readonly status = liveValue<LogStatus>(NO_STATUS);
  readonly rejections = liveValue<readonly RejectedCommit[]>([]);
  readonly presence = liveValue<readonly TypedPresence<PresenceData>[]>([]);
  readonly #mirrors = new Map<string, RowMirror<unknown>>();
  #seq = 0;
  #waiting: { readonly seq: number; readonly resolve: () => void }[] = [];

  /** Shows an update. `withCalls` adds `retry` and `discard` to a rejection. */
  show(update: ShownUpdate<PresenceData>, withCalls: (rejection: PlainRejection) => RejectedCommit): void {
    this.#seq = update.seq;
    try {
      for (const delta of update.deltas ?? []) this.#mirrors.get(delta.projection)?.apply(delta, update.seq);
      if (update.status) this.status.set({ ...update.status, storage: this.status.get().storage });
      if (update.rejections) this.rejections.set(update.rejections.map(withCalls));
      if (update.presence) this.presence.set(update.presence);
    } finally {
      // In any case, because otherwise callers would wait for ever for work that is done.
      for (const { resolve } of this.#waiting.filter(({ seq }) => seq <= update.seq)) resolve();
      this.#waiting = this.#waiting.filter(({ seq }) => seq > update.seq);
    }
  }

  showStorage(storage: StorageUse): void {
    this.status.set({ ...this.status.get(), storage });
  }

  /** Resolves once the update with this number was shown. */
  whenShown(seq: number): Promise<void> {
    return seq <= this.#seq ? Promise.resolve() : new Promise((resolve) => this.#waiting.push({ seq, resolve }));
  }

  /**
   * The mirror of a projection's rows. The first call fills it with `load`.
   *
   * The overload says what the compiler cannot know: the worker folds rows with the same projection, so they have its
   * type.
   */
  rows<P extends AnyProjection>(projection: P, load: (name: string) => Promise<LoadedRows>): RowMirror<RowOf<P>>;
  rows({ name }: AnyProjection, load: (name: string) => Promise<LoadedRows>): RowMirror<unknown> {
    const existing = this.#mirrors.get(name);
    if (existing) return existing;
    const mirror = rowMirror<unknown>();
    this.#mirrors.set(name, mirror);
    load(name).then(({ entries, seq }) => mirror.fill(entries, seq), mirror.fail);
    return mirror;
  }
}

const NO_STATUS: LogStatus = {
  connection: "connecting",
  leader: false,
  pending: 0,
  doubtful: [],
  waitingSince: null,
  rejections: 0,
  lastSyncedAt: null,
  retryAt: null,
  position: 0,
  head: 0,
  traffic: { received: 0, sent: 0 },
  parked: { count: 0, events: [] },
  reduced: [],
  storage: null,
  outdated: false,
  sentAgain: null,
  stuck: null,
  error: null,
};

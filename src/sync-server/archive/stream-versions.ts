/**
 * Checks that the versions of each stream of a log follow each other, while the log is written batch by batch.
 *
 * Guarantees (archive.parts.test.ts):
 * - Memory is bounded. The last versions of `STREAMS_MAX` streams are remembered, and the store knows the others.
 */
import type { EventStore, StoredRecord } from "../stores/event-store.ts";

const STREAMS_MAX = 50_000;
const ONE = { events: 1, bytes: 1 };

export class StreamVersions {
  readonly #store: EventStore;
  readonly #log: string;
  /** The last version of a stream. The streams that were used last are at the end. */
  readonly #last = new Map<string, number>();
  /** True: a stream that is not in the map has no event. */
  #isComplete: boolean;

  constructor(store: EventStore, log: string, isEmpty: boolean) {
    this.#store = store;
    this.#log = log;
    this.#isComplete = isEmpty;
  }

  /**
   * Checks the records that come next, before they are written.
   *
   * @throws RangeError if a version does not follow the version before it
   */
  async check(records: readonly StoredRecord[]): Promise<void> {
    for (const { position, streams } of records) {
      for (const { stream, first, last } of streams) {
        const known = this.#last.get(stream) ?? (this.#isComplete ? 0 : null);
        if (known === null ? !(await this.#endsAt(stream, first - 1)) : known !== first - 1)
          throw new RangeError(
            `the record at position ${position} has version ${first} of ${stream}, ` +
              "which does not follow the version before it",
          );
        this.#last.delete(stream);
        this.#last.set(stream, last);
      }
    }
    for (const stream of this.#last.keys()) {
      if (this.#last.size <= STREAMS_MAX) break;
      this.#last.delete(stream);
      this.#isComplete = false;
    }
  }

  /** True if the last stored version of a stream is `version`. */
  async #endsAt(stream: string, version: number): Promise<boolean> {
    if ((await this.#store.readStream(this.#log, stream, version, ONE)).length > 0) return false;
    return version === 0 || (await this.#store.readStream(this.#log, stream, version - 1, ONE)).length > 0;
  }
}

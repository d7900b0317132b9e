/** The records of open events: those of the last pages are in memory, and others are read again. */
import type { CommitRecord } from "../../core/history/record.ts";
import type { StorageLostError } from "../../core/values/errors.ts";
import type { LogName } from "../../core/values/ids.ts";
import type { EventStore, StoredRecord } from "../stores/event-store.ts";
import { recordIn, recordsIn } from "../stores/stored-record.ts";
import type { OpenEvent } from "./lanes.ts";

export class OpenRecords {
  readonly #store: EventStore;
  readonly #log: LogName;
  readonly #byPosition = new Map<number, CommitRecord>();
  /** The error of the record behind the last page, if it is damaged. */
  damage: StorageLostError | null = null;

  constructor(store: EventStore, log: LogName) {
    this.#store = store;
    this.#log = log;
  }

  /** The records of a page before the first damaged one. */
  readable(page: readonly StoredRecord[]): readonly CommitRecord[] {
    const { records, damage } = recordsIn(this.#log, page);
    this.damage = damage;
    return records;
  }

  add(position: number, record: CommitRecord): void {
    this.#byPosition.set(position, record);
  }

  /** Returns the record of an event, and forgets it. */
  async take(event: OpenEvent): Promise<CommitRecord> {
    const record = this.#byPosition.get(event.position) ?? (await this.#read(event));
    this.#byPosition.delete(event.position);
    return record;
  }

  clear(): void {
    this.#byPosition.clear();
  }

  async #read({ stream, version, position }: OpenEvent): Promise<CommitRecord> {
    const [stored] = await this.#store.readStream(this.#log, stream, version - 1, { events: 1, bytes: 1 });
    const record = stored && recordIn(this.#log, stored);
    if (record?.events[position - record.position]?.version === version) return record;
    throw new Error(`The log ${this.#log} has no event ${version} of ${stream} at position ${position}`);
  }
}

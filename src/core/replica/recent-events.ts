/**
 * Confirmed events that pending commits may conflict with: events after `seen` of the streams that they name.
 *
 * They are in memory only. After a restart the engine reads them from the log again (`Replica.recall`).
 *
 * Guarantees (test/unit/core/replica/recent-events.test.ts):
 * - The events of a stream are in order of versions, each event once.
 * - No event is kept that no pending commit needs.
 */
import { type Commit, streamsOf } from "../history/commit.ts";
import type { DomainDefinition } from "../domain/definition.ts";
import type { DomainEvent } from "../domain/event.ts";
import { type CommitRecord, readableEvents } from "../history/record.ts";
import type { StreamName } from "../values/ids.ts";

/** Events of one stream, at most: the latest. A commit may be pending for weeks. The server has this limit too. */
const RECENT_MAX = 10_000;

export class RecentEvents {
  readonly #domain: DomainDefinition;
  readonly #streams = new Map<string, DomainEvent[]>();

  constructor(domain: DomainDefinition) {
    this.#domain = domain;
  }

  /** Keeps events of the streams that a commit names from now on. */
  watch(commit: Commit): void {
    for (const stream of streamsOf(commit)) if (!this.#streams.has(stream)) this.#streams.set(stream, []);
  }

  since(stream: StreamName): readonly DomainEvent[] {
    return this.#streams.get(stream) ?? [];
  }

  /** Adds the events of a record. The record may be new or old. */
  remember(record: CommitRecord): void {
    if (this.#streams.size === 0) return;
    for (const [n, { stream, version }] of record.events.entries()) {
      const recent = this.#streams.get(stream);
      if (!recent) continue;
      const index = recent.findLastIndex((event) => event.version <= version) + 1;
      if (recent[index - 1]?.version === version) continue;
      recent.splice(index, 0, ...readableEvents(this.#domain, record, n));
      if (recent.length > RECENT_MAX) recent.splice(0, recent.length - RECENT_MAX);
    }
  }

  /** Drops the events of a stream up to the version that all pending commits have seen. Null: drops all of them. */
  forget(stream: StreamName, seen: number | null): void {
    const recent = this.#streams.get(stream);
    if (!recent) return;
    if (seen === null) this.#streams.delete(stream);
    // Events are in order of versions, so the events to drop are at the beginning.
    else recent.splice(0, firstAfter(recent, seen));
  }
}

function firstAfter(events: readonly DomainEvent[], version: number): number {
  const index = events.findIndex((event) => event.version > version);
  return index < 0 ? events.length : index;
}

/**
 * Confirmed events that pending commits may conflict with: those of the streams that they name, after what they have seen.
 *
 * Place: in memory beside the replica; after a restart told again from the log (`recall`).
 * Holds: of each stream in order of versions, each event once; no more than pending commits may need, also on a stream
 * that always has one pending.
 */
import { type Commit, streamsOf } from "../history/commit.ts";
import type { DomainDefinition } from "../domain/definition.ts";
import type { DomainEvent } from "../domain/event.ts";
import { type CommitRecord, readableEvent } from "../history/record.ts";

/** Events kept of one stream, the latest, for a commit that cannot end for weeks: as many as a server tells a policy. */
const RECENT_MAX = 10_000;

export class RecentEvents {
  readonly #domain: DomainDefinition;
  readonly #streams = new Map<string, DomainEvent[]>();

  constructor(domain: DomainDefinition) {
    this.#domain = domain;
  }

  /** From now on, events of the streams that a commit names are kept. */
  watch(commit: Commit): void {
    for (const stream of streamsOf(commit)) if (!this.#streams.has(stream)) this.#streams.set(stream, []);
  }

  since(stream: string): readonly DomainEvent[] {
    return this.#streams.get(stream) ?? [];
  }

  /** Takes the events of a record, which may be new or come from long ago. */
  remember(record: CommitRecord): void {
    if (this.#streams.size === 0) return;
    for (const [n, { stream, version }] of record.events.entries()) {
      const recent = this.#streams.get(stream);
      if (!recent) continue;
      const place = recent.findLastIndex((event) => event.version <= version) + 1;
      if (recent[place - 1]?.version === version) continue;
      const event = readableEvent(this.#domain, record, n);
      if (event) recent.splice(place, 0, event);
      if (recent.length > RECENT_MAX) recent.splice(0, recent.length - RECENT_MAX);
    }
  }

  /** Forgets the events of a stream up to the version that all who name it have seen; null where nobody does any more. */
  forget(stream: string, seen: number | null): void {
    const recent = this.#streams.get(stream);
    if (!recent) return;
    if (seen === null) this.#streams.delete(stream);
    // From the beginning: what is forgotten is never more than what was remembered.
    else recent.splice(0, firstAfter(recent, seen));
  }
}

function firstAfter(events: readonly DomainEvent[], version: number): number {
  const place = events.findIndex((event) => event.version > version);
  return place < 0 ? events.length : place;
}

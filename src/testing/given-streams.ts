/**
 * The events of a test's `given`, as the log contains them: folded into streams, one record for each event.
 *
 * Guarantees (test/unit/testing/given.test.ts):
 * - Every event could be in a log: its aggregate knows it, its data fit the schema, and it can be folded. Otherwise an
 *   Error is thrown at once, because it is a mistake in the test.
 */
import { brokenState } from "../core/decide/propose-commit.ts";
import type { DomainDefinition } from "../core/domain/definition.ts";
import type { DomainEvent } from "../core/domain/event.ts";
import { emptyStream, foldStream, type StreamState } from "../core/fold/fold.ts";
import type { AnyAggregate } from "../core/domain/handle-types.ts";
import type { Json } from "../core/values/json.ts";
import { type CommitRecord, eventsOf } from "../core/history/record.ts";
import { aggregateOf } from "../core/values/names.ts";

/** An event of a test in its stream. */
export type PlacedEvent = {
  readonly stream: string;
  readonly type: string;
  readonly data: Json;
  readonly by: string;
  readonly time: number;
};

/** The device of all given events. */
const CLIENT = "00000000-0000-7000-8000-000000000001";

/** A domain of these aggregates and of the aggregates that their commands read. */
export function domainOf(aggregates: readonly AnyAggregate[]): DomainDefinition {
  const known = new Map<string, AnyAggregate>();
  const waiting = [...aggregates];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (known.has(next.name)) continue;
    known.set(next.name, next);
    waiting.push(...next.reads);
  }
  return {
    version: 1,
    aggregates: new Map([...known].map(([name, { definition }]) => [name, definition])),
    projections: new Map(),
  };
}

/** Events one after the other, and their streams. */
export class GivenStreams {
  readonly #domain: DomainDefinition;
  readonly #records: CommitRecord[] = [];
  readonly #states = new Map<string, StreamState>();

  constructor(domain: DomainDefinition, events: readonly PlacedEvent[]) {
    this.#domain = domain;
    for (const event of events) this.add(event);
  }

  get records(): readonly CommitRecord[] {
    return this.#records;
  }

  state(stream: string): StreamState {
    return this.#states.get(stream) ?? emptyStream(this.#domain, stream);
  }

  /** The events of a stream after a version. */
  since(stream: string, version: number): readonly DomainEvent[] {
    return this.#records.flatMap((record) => {
      const [event] = record.events;
      return event?.stream === stream && event.version > version ? eventsOf(this.#domain, record, 0) : [];
    });
  }

  add({ stream, type, data, by, time }: PlacedEvent): void {
    const name = `The given event ${type} of ${stream}`;
    const aggregate = this.#domain.aggregates.get(aggregateOf(stream));
    if (!aggregate) {
      const known = [...this.#domain.aggregates.keys()].join(", ");
      throw new Error(`${name} belongs to no aggregate of this test. The test names ${known}.`);
    }
    const definition = aggregate.events.get(type);
    if (!definition) {
      const known = [...aggregate.events.keys()].join(", ");
      throw new Error(`${name} is not an event of ${aggregate.name}. Its events are ${known}.`);
    }
    const parsed = definition.parse(data);
    if (!parsed.ok) {
      const { path, reason } = parsed.problem;
      throw new Error(`${name} has invalid data${path.length > 0 ? ` at ${path.join(".")}` : ""}: ${reason}`);
    }

    const position = this.#records.length + 1;
    const before = this.state(stream);
    const event = { type, v: definition.version, stream, version: before.version + 1, data: parsed.value };
    const record: CommitRecord = {
      position,
      mark: `given${position}`,
      commit: `given-${position}`,
      client: CLIENT,
      actor: by,
      time,
      received: time,
      meta: null,
      events: [event],
    };
    const { next, steps } = foldStream(this.#domain, before, record, 0);
    if (next.unreadable) throw new Error(`${name} cannot be folded: ${next.unreadable.reason}`);
    const broken = brokenState(steps);
    if (broken) throw new Error(`${name} cannot be folded: ${broken.defect.message}`);
    this.#states.set(stream, next);
    this.#records.push(record);
  }
}

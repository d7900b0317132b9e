/**
 * The events that a test gives, as the log would hold them: folded into streams, each event a record of its own.
 *
 * Place: under `given`. Holds: what is given could have happened: each event is known to its aggregate, its data fit the schema, and
 * it can be folded; whatever is not so is an error of the test, said at once.
 */
import type { DomainDefinition } from "../core/domain/definition.ts";
import type { DomainEvent } from "../core/domain/event.ts";
import { emptyStream, foldStream, type StreamState } from "../core/fold/fold.ts";
import type { AnyAggregate } from "../core/domain/handle-types.ts";
import type { Json } from "../core/values/json.ts";
import { type CommitRecord, eventOf } from "../core/history/record.ts";
import { aggregateOf } from "../core/values/names.ts";

/** An event of a test in its stream. */
export type PlacedEvent = {
  readonly stream: string;
  readonly type: string;
  readonly data: Json;
  readonly by: string;
  readonly time: number;
};

/** The device of all whose events are given. */
const CLIENT = "00000000-0000-7000-8000-000000000001";

/** A domain of these aggregates and of those that their commands read. */
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

/** Events one after the other, and the streams that they make. */
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
      return event?.stream === stream && event.version > version ? (eventOf(this.#domain, record, 0) ?? []) : [];
    });
  }

  add({ stream, type, data, by, time }: PlacedEvent): void {
    const name = `The given event ${type} of ${stream}`;
    const aggregate = this.#domain.aggregates.get(aggregateOf(stream));
    if (!aggregate)
      throw new Error(
        `${name} belongs to no aggregate that this test names. Known: ${[...this.#domain.aggregates.keys()].join(", ")}`,
      );
    const definition = aggregate.events.get(type);
    if (!definition)
      throw new Error(`${name} is none of ${aggregate.name}: ${[...aggregate.events.keys()].join(", ")}`);
    const parsed = definition.parse(data);
    if (!parsed.ok)
      throw new Error(
        `${name} has data that do not fit${parsed.problem.path.length > 0 ? ` at ${parsed.problem.path.join(".")}` : ""}: ${parsed.problem.reason}`,
      );

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
    const { next } = foldStream(this.#domain, before, record, 0);
    if (next.unreadable) throw new Error(`${name} cannot be folded: ${next.unreadable.reason}`);
    this.#states.set(stream, next);
    this.#records.push(record);
  }
}

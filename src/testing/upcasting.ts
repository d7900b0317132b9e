/**
 * Tests of an aggregate's old events: each stored example of each version becomes events that this code can fold.
 *
 * Place: exported by `dacapo/testing`.
 *
 * Guarantees:
 * - A version without an example is a test that fails, so that nobody forgets the data of an old release.
 * - There is no test runner inside.
 */
import type { AggregateDefinition } from "../core/domain/definition.ts";
import type { DomainEvent, Draft } from "../core/domain/event.ts";
import type { AnyAggregate } from "../core/domain/handle-types.ts";
import { emptyStream, foldStream } from "../core/fold/fold.ts";
import type { CommitRecord } from "../core/history/record.ts";
import { type Json, sameJson } from "../core/values/json.ts";
import { describePlace } from "../core/values/parsed.ts";
import type { TestRunner } from "./conformance.ts";
import { domainOf } from "./given-streams.ts";
import { jsonDiff } from "./json-diff.ts";

/** The data of a stored event, and the events that it becomes today. */
export type UpcastExample = {
  /** The data as the log has it. */
  readonly data: Json;
  /** The events of today's code, in their order. @default any events that today's schemas accept */
  readonly becomes?: readonly Draft[];
};

/**
 * Examples by the event's type and the version of its data.
 *
 * @example
 * const examples: UpcastExamples = { TaskAdded: { 1: [{ data: { title: "Milk" } }] } };
 */
export type UpcastExamples = { readonly [type: string]: { readonly [version: number]: readonly UpcastExample[] } };

/**
 * Registers a test for each version of each event, present and former, and for each example.
 *
 * Keep the examples in a file beside the aggregate, and add real data of each release to it.
 *
 * @example
 * import { describe, it } from "vitest";
 *
 * const examples = { TaskAdded: { 1: [{ data: { title: "Milk" } }], 2: [{ data: { title: "Milk", list: "" } }] } };
 * upcasting(task, examples, { describe, it });
 */
export function upcasting(aggregate: AnyAggregate, examples: UpcastExamples, { describe, it }: TestRunner): void {
  const known = versionsOf(aggregate.definition);
  describe(`stored events of ${aggregate.name}`, () => {
    for (const [type, last] of known)
      for (let version = 1; version <= last; version++) {
        const given = examples[type]?.[version] ?? [];
        if (given.length === 0)
          it(`${type} ${version} has an example`, () =>
            fail(`Add the data of a stored event: ${type}: { ${version}: [{ data: … }] }.`));
        for (const [index, example] of given.entries())
          it(`${type} ${version}, example ${index + 1}: becomes events of today`, async () =>
            check(aggregate, { type, version }, example));
      }
    for (const [type, versions] of Object.entries(examples))
      for (const version of Object.keys(versions).map(Number))
        if (!(version >= 1 && version <= (known.get(type) ?? 0)))
          it(`${type} ${version} is an event of ${aggregate.name}`, () =>
            fail(`It has ${known.get(type) ?? "no"} version(s).`));
  });
}

type Stored = { readonly type: string; readonly version: number };

function versionsOf({ events, former }: AggregateDefinition): ReadonlyMap<string, number> {
  const versions = new Map([...former].map(([type, { version }]) => [type, version]));
  for (const [type, { version }] of events) versions.set(type, version);
  return versions;
}

function check(aggregate: AnyAggregate, { type, version }: Stored, { data, becomes }: UpcastExample): void {
  const stream = `${aggregate.name}/example`;
  const record: CommitRecord = {
    position: 1,
    mark: "example1",
    commit: "example",
    client: "example",
    actor: "example",
    time: 0,
    received: 0,
    meta: null,
    events: [{ type, v: version, stream, version: 1, data }],
  };
  const domain = domainOf([aggregate]);
  const { next, steps } = foldStream(domain, emptyStream(domain, stream), record, 0);
  if (next.unreadable) throw new Error(`The example cannot be folded: ${next.unreadable.reason}`);
  for (const { event } of steps) requireOfToday(aggregate.definition, event);
  if (!becomes) return;
  const drafts = steps.map(({ event }) => ({ type: event.type, data: event.data }));
  if (!sameJson(drafts, becomes)) throw new Error(`The example becomes other events:\n${jsonDiff(becomes, drafts)}`);
}

/** Today's code reads the data as today's schema describes it, so an upcast that misses a field is a mistake. */
function requireOfToday({ events }: AggregateDefinition, { type, data }: DomainEvent): void {
  const parsed = events.get(type)?.parse(data);
  if (parsed?.ok !== false) return;
  const { path, reason } = parsed.problem;
  throw new Error(`${type} is not what its present schema accepts${describePlace(path)}: ${reason}`);
}

async function fail(reason: string): Promise<void> {
  throw new Error(reason);
}

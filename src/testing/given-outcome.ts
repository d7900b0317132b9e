/**
 * The outcome and the rows of a test with `given`: what the code of device and server makes of its events.
 *
 * Guarantees: `outcomeOf` decides a commit as a server does, after the events of other authors since the author saw
 * its streams.
 */
import { prepareCommand } from "../core/decide/decide-command.ts";
import { brokenState } from "../core/decide/propose-commit.ts";
import { reconcileCommit } from "../core/decide/reconcile-commit.ts";
import type { CommandRequest, DomainDefinition, ProjectionDefinition } from "../core/domain/definition.ts";
import type { AnyAggregate, AnyProjection } from "../core/domain/handle-types.ts";
import { foldRecord } from "../core/fold/fold.ts";
import { ConfirmedRows } from "../core/fold/rows.ts";
import type { Commit } from "../core/history/commit.ts";
import { findJsonProblem, type Json, omitUndefined } from "../core/values/json.ts";
import { streamName } from "../core/values/names.ts";
import { rowText } from "../sync-server/read-models/row-text.ts";
import { domainOf, GivenStreams, type PlacedEvent } from "./given-streams.ts";

/** Milliseconds since the epoch. */
export const TIME = Date.UTC(2030, 0, 1);
export const SOMEONE = "someone";

/** An event of a test, without the types of its aggregate. */
export type ErasedEvent = {
  readonly type: string;
  readonly data: Json;
  readonly by?: string;
  readonly time?: number;
  readonly stream?: string;
  readonly id?: string;
  readonly aggregate?: string;
};
export type ErasedOutcome =
  | { readonly events: readonly { readonly type: string; readonly data: Json; readonly stream: string }[] }
  | { readonly rejected: string; readonly message: string };
/** The events of a test, and the author and the time of its command. */
export type Facts = {
  readonly aggregates: readonly AnyAggregate[];
  readonly events: readonly ErasedEvent[];
  readonly meanwhile: readonly ErasedEvent[];
  readonly actor: string;
  readonly time: number;
};

export function outcomeOf(facts: Facts, requests: readonly CommandRequest[]): ErasedOutcome {
  const [first] = requests;
  if (!first)
    throw new Error('when() got no command. Pass one, such as task.command.complete("t1"), or several as a list.');
  const domain = domainOf(facts.aggregates);
  const streams = new GivenStreams(domain, placed(facts.events, first.stream));
  const commit = commitOf(domain, facts, requests, (stream) => streams.state(stream).version);
  const asSeen = new GivenStreams(domain, placed(facts.events, first.stream));
  for (const event of placed(facts.meanwhile, first.stream)) streams.add(event);
  const reconciled = reconcileCommit(domain, commit, {
    mode: "server",
    now: facts.time,
    window: (stream) => {
      const from = asSeen.state(stream).version;
      return {
        current: streams.state(stream),
        from,
        since: streams.since(stream, from),
        authored: () => asSeen.state(stream),
      };
    },
  });
  if (reconciled.kind === "rejected") return { rejected: reconciled.defect.code, message: reconciled.defect.message };
  // A device refuses such a commit as well, because the state would not come back from its storage.
  const broken = brokenState(reconciled.steps);
  if (broken) return { rejected: broken.defect.code, message: broken.defect.message };
  return { events: reconciled.events.map(({ type, data, stream }) => ({ type, data, stream })) };
}

function commitOf(
  domain: DomainDefinition,
  { actor, time }: Facts,
  requests: readonly CommandRequest[],
  versionOf: (stream: string) => number,
): Commit {
  const seen = (stream: string) => ({ stream, seen: versionOf(stream) });
  const commands = requests.map((given) => {
    const request = given.input === undefined ? given : { ...given, input: asReceived(given.input) };
    const prepared = prepareCommand(domain, request);
    const reads = "ready" in prepared ? [...new Set(Object.values(prepared.ready.reads))] : [];
    return { ...request, ...seen(request.stream), reads: reads.map(seen), events: [] };
  });
  return { id: "given-command", client: "00000000-0000-7000-8000-000000000002", actor, time, meta: null, commands };
}

export function rowsOf(facts: Facts, projection: AnyProjection): { readonly [key: string]: Json } {
  const { definition } = projection;
  // A server parks the event of a row that it cannot keep.
  const apply: ProjectionDefinition["apply"] = (row, event) => {
    const next = definition.apply(row, event);
    if (next !== null) rowText(definition.name, event.key, next);
    return next;
  };
  const domain = {
    ...domainOf([...facts.aggregates, ...projection.from]),
    projections: new Map([[definition.name, { ...definition, apply }]]),
  };
  const layer = new ConfirmedRows(domain, () => {});
  const [from] = projection.from;
  const events = placed(
    [...facts.events, ...facts.meanwhile],
    streamName(facts.aggregates[0]?.name ?? from?.name ?? "", "1"),
  );
  for (const record of new GivenStreams(domain, events).records) foldRecord(domain, layer, record);
  const [parked] = layer.parked;
  if (parked)
    throw new Error(
      `Projection ${projection.name} cannot fold event ${parked.event} of ${parked.stream}: ${parked.reason}`,
    );
  const rows = [...(layer.tables.get(projection.name) ?? [])];
  return Object.fromEntries(rows.map(([key, row]) => [key, asReceived(row)]));
}

/** Assigns a stream to each event. An event without a stream and an id is of the command's stream. */
function placed(events: readonly ErasedEvent[], stream: string): PlacedEvent[] {
  return events.map(({ type, data, by = SOMEONE, time = TIME, aggregate = "", id, stream: own }) => ({
    type,
    data,
    by,
    time,
    stream: own ?? (id === undefined ? stream : streamName(aggregate, id)),
  }));
}

/** The value without its undefined fields, because the server and other devices get it from JSON. */
export function asReceived(value: Json): Json {
  return findJsonProblem(value) ? value : omitUndefined(value);
}

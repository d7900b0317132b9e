/**
 * Decides each recorded commit again, on the log before it, and compares the result with the server's record.
 *
 * Guarantees:
 * - It shares no code with the product, like the rest of the history checker.
 * - If histories diverged, the server may have decided a commit as it was pushed before or after that. One of them must
 *   fit.
 * - It skips a `keep` or a merge that is not the first command with events in its commit.
 */
import type { CommandDefinition, DecideContext, Decision, DomainDefinition } from "../../core/domain/definition.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import type { Json } from "../../core/values/json.ts";
import { canonical, type PlainRecord } from "./plain-record.ts";
import type { History } from "./journal.ts";
import { evolve, stateOf, type Streams } from "./refold.ts";
import { parseOwnJson } from "../../core/values/json.ts";

type StreamSeen = { readonly stream: string; readonly seen: number };
type PlainCommit = {
  readonly id: string;
  readonly client: string;
  readonly onConflict?: string;
  readonly commands: readonly (StreamSeen & {
    readonly reads: readonly StreamSeen[];
    readonly name: string;
    readonly v: number;
    readonly input?: Json;
  })[];
};
/** A stored event in its record, and the events that this release reads in it: none if its stream cannot be folded. */
type Written = { readonly record: PlainRecord; readonly n: number; readonly events: readonly DomainEvent[] };
type Before = {
  readonly record: PlainRecord;
  readonly isGuarded: boolean;
  readonly streams: Streams;
  readonly written: ReadonlyMap<string, readonly Written[]>;
  readonly domain: DomainDefinition;
};

export function checkDecisions(
  log: string,
  records: readonly PlainRecord[],
  history: History,
  domain: DomainDefinition,
): string[] {
  if (!history.oneRelease) return [];
  const commits = new Map<string, PlainCommit[]>();
  for (const { actor, text } of history.pushed.filter((pushed) => pushed.log === log)) {
    const commit = parseOwnJson<PlainCommit>(text);
    commits.set(`${actor} ${commit.id}`, [...(commits.get(`${actor} ${commit.id}`) ?? []), commit]);
  }
  const problems: string[] = [];
  const streams: Streams = new Map();
  const written = new Map<string, Written[]>();
  for (const record of records) {
    const variants = commits.get(`${record.actor} ${record.commit}`) ?? [];
    const wrong = variants.map((commit) => {
      const isGuarded = commit.onConflict === "reject";
      return misfit(record, decideAgain(commit, { record, isGuarded, streams, written, domain }));
    });
    const [first = null] = wrong;
    if (wrong.every((one) => one !== null) && first !== null)
      problems.push(`5: position ${record.position} of ${log}, commit ${record.commit}: ${first}`);
    for (const [n, event] of record.events.entries()) {
      const steps = evolve(streams, record, n, domain) ?? [];
      const before = written.get(event.stream) ?? [];
      written.set(event.stream, [...before, { record, n, events: steps.map((step) => step.event) }]);
    }
  }
  for (const { commit: id, log: of, actor, text } of history.outcomes) {
    const variants = of === log && text?.includes('"code":"conflict"') ? commits.get(`${actor} ${id}`) : undefined;
    if (variants && !variants.some((commit) => meetsOthers(commit, actor, written)))
      problems.push(`5: commit ${id} was refused for a conflict with nobody`);
  }
  return problems;
}

/**
 * Describes how a record differs from the expected events. Null if it does not differ, or if the checker cannot decide.
 */
function misfit(record: PlainRecord, expected: ReturnType<typeof decideAgain>): string | null {
  if (typeof expected === "string" || expected === null) return expected;
  const actual = canonical(record.events.map(({ stream, type, data }) => ({ stream, type, data })));
  return actual === canonical(expected) ? null : `holds ${actual}, where deciding again gives ${canonical(expected)}`;
}

/** Whether other authors wrote to a stream that the commit names, after the version that it had seen. */
function meetsOthers(
  { client, commands }: PlainCommit,
  actor: string,
  written: ReadonlyMap<string, readonly Written[]>,
): boolean {
  return commands
    .flatMap((command) => [command, ...command.reads])
    .some(({ stream, seen }) =>
      (written.get(stream) ?? []).some((entry) => versionOf(entry) > seen && isForeign(entry, { actor, client })),
    );
}

type Draft = { readonly stream: string; readonly type: string; readonly data: unknown };
type Ready = {
  readonly definition: CommandDefinition;
  readonly input: unknown;
  readonly command: PlainCommit["commands"][number];
  readonly index: number;
};

/**
 * Returns the events that the commit has on the log before it. Null if the checker cannot decide, and a sentence if the
 * server should have rejected the commit.
 */
function decideAgain(commit: PlainCommit, before: Before): readonly Draft[] | string | null {
  const { record, domain } = before;
  const working: Streams = new Map(before.streams);
  const drafts: Draft[] = [];
  for (const [index, command] of commit.commands.entries()) {
    const aggregate = domain.aggregates.get(command.stream.slice(0, command.stream.indexOf("/")));
    const definition = aggregate?.commands.get(command.name);
    const input = definition?.parse(
      command.v < definition.version ? definition.upcast(command.v, command.input) : command.input,
    );
    if (!definition || !input?.ok) return null;
    if (working.get(command.stream)?.stuck) return "a command was recorded on a stream that cannot be folded";
    const theirs = foreign(command, before);
    const decided = decideOne(
      { definition, input: input.value, command, index },
      { before, working, theirs, isFirst: drafts.length === 0 },
    );
    if (decided === null || typeof decided === "string") return decided;
    for (const { type, data } of decided) {
      drafts.push({ stream: command.stream, type, data });
      const events = drafts.map((draft) => ({
        ...draft,
        v: aggregate?.events.get(draft.type)?.version ?? 1,
        version: 0,
      }));
      evolve(working, { ...record, events }, events.length - 1, domain);
    }
  }
  return drafts;
}

type Course = {
  readonly before: Before;
  readonly working: Streams;
  readonly theirs: readonly DomainEvent[];
  readonly isFirst: boolean;
};

function decideOne(
  ready: Ready,
  { before, working, theirs, isFirst }: Course,
): readonly { readonly type: string; readonly data: unknown }[] | string | null {
  const { definition, input, command } = ready;
  const { onConflict } = definition;
  const policy = onConflict === "rebase" && before.isGuarded ? "reject" : onConflict;
  const decideOn = (streams: Streams) =>
    decide(ready, streams, before, (state, context) => definition.decide(state, input, context));
  const orRefused = (decision: Decision) =>
    "rejected" in decision ? "a command was recorded that its own decision refuses" : decision;
  if (theirs.length === 0 || policy === "rebase") return orRefused(decideOn(working));
  if (policy === "reject") return "a command that refuses conflicts was recorded over one";
  if (!isFirst) return null;
  const mine = decideOn(asSeen(command, before));
  if (policy === "keep") return orRefused(mine);
  let again = false;
  const merged = decide(ready, working, before, (state, context) => {
    const answer = policy(state, input, { ...context, mine: "rejected" in mine ? [] : mine, theirs });
    again = "rebase" in answer;
    return "rebase" in answer ? [] : answer;
  });
  return orRefused(again ? decideOn(working) : merged);
}

function decide(
  { definition, input, command, index }: Ready,
  streams: Streams,
  { record, domain }: Before,
  run: (state: Json, context: DecideContext) => Decision,
): Decision {
  let ids = 0;
  const reads: Record<string, Json> = {};
  for (const [name, stream] of Object.entries(definition.reads(input))) reads[name] = stateOf(streams, stream, domain);
  return run(stateOf(streams, command.stream, domain), {
    stream: command.stream,
    actor: record.actor,
    time: definition.time === "server" ? record.received : record.time,
    id: () => `${record.commit}.${index}.${ids++}`,
    reads,
  });
}

/**
 * Returns the events of other authors in the streams that a command names, after the versions that its author had seen.
 * The streams that it reads come first.
 */
function foreign(command: PlainCommit["commands"][number], { record, written }: Before): readonly DomainEvent[] {
  return [...command.reads, command].flatMap(({ stream, seen }) =>
    (written.get(stream) ?? []).flatMap((entry) =>
      versionOf(entry) > seen && isForeign(entry, record) ? entry.events : [],
    ),
  );
}

/**
 * Folds the streams of a command as its author saw them: the events up to the seen version, and the author's own
 * events.
 */
function asSeen(command: PlainCommit["commands"][number], { record, written, domain }: Before): Streams {
  const streams: Streams = new Map();
  for (const { stream, seen } of [...command.reads, command]) {
    for (const entry of written.get(stream) ?? [])
      if (versionOf(entry) <= seen || !isForeign(entry, record)) evolve(streams, entry.record, entry.n, domain);
  }
  return streams;
}

function versionOf({ record, n }: Written): number {
  return record.events[n]?.version ?? 0;
}

function isForeign({ record }: Written, { actor, client }: Pick<PlainRecord, "actor" | "client">): boolean {
  return record.actor !== actor || record.client !== client;
}

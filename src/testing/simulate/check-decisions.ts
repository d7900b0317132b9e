/**
 * Decides each recorded commit once more, on the log before it, and compares: the server's authority, told by someone else.
 *
 * Place: part of the history checker, and like it without the product's code.
 * Holds: commits whose policy is a merge function are passed over where there was a conflict; so is everything after a restore, where
 * what a commit had seen when it was decided is no longer known.
 */
import type { CommandDefinition, DomainDefinition } from "../../core/definition.ts";
import type { Json } from "../../core/json.ts";
import { canonical, type PlainRecord } from "./plain-record.ts";
import type { History } from "./journal.ts";
import { evolve, stateOf } from "./refold.ts";

type Place = { readonly stream: string; readonly seen: number };
type PlainCommit = {
  readonly id: string;
  readonly client: string;
  readonly commands: readonly (Place & { readonly reads: readonly Place[]; readonly name: string; readonly v: number; readonly input?: Json })[];
};
type Written = { readonly record: PlainRecord; readonly n: number };

export function checkDecisions(log: string, records: readonly PlainRecord[], history: History, domain: DomainDefinition): string[] {
  if (!history.oneRelease || history.journal.some((entry) => entry.kind === "restored")) return [];
  const commits = new Map(
    history.pushed.filter((pushed) => pushed.log === log).map(({ actor, text }) => {
      const commit: PlainCommit = JSON.parse(text);
      return [`${actor} ${commit.id}`, commit] as const;
    }),
  );
  const problems: string[] = [];
  const states = new Map<string, Json>();
  const written = new Map<string, Written[]>();
  for (const record of records) {
    const commit = commits.get(`${record.actor} ${record.commit}`);
    const expected = commit ? decideAgain(commit, record, states, written, domain) : null;
    if (typeof expected === "string") problems.push(`${expected} (commit ${record.commit} at position ${record.position} of ${log})`);
    else if (expected) {
      const actual = record.events.map(({ stream, type, data }) => ({ stream, type, data }));
      if (canonical(actual) !== canonical(expected)) problems.push(`5: position ${record.position} of ${log} holds ${canonical(actual)}, where deciding again gives ${canonical(expected)}`);
    }
    for (const [n, event] of record.events.entries()) {
      states.set(event.stream, evolve(stateOf(states, event.stream, domain), record, n, domain));
      const before = written.get(event.stream) ?? [];
      written.set(event.stream, [...before, { record, n }]);
    }
  }
  for (const { commit: id, log: of, actor, text } of history.outcomes) {
    const commit = of === log && text?.includes('"code":"conflict"') ? commits.get(`${actor} ${id}`) : undefined;
    if (commit && !meetsOthers(commit, actor, written)) problems.push(`5: commit ${id} was refused for a conflict with nobody`);
  }
  return problems;
}

/** True where others wrote to a stream that the commit names, after what it had seen. */
function meetsOthers({ client, commands }: PlainCommit, actor: string, written: ReadonlyMap<string, readonly Written[]>): boolean {
  return commands.flatMap((command) => [command, ...command.reads]).some(({ stream, seen }) =>
    (written.get(stream) ?? []).some((entry) => versionOf(entry) > seen && isForeign(entry, { actor, client })),
  );
}

type Draft = { readonly stream: string; readonly type: string; readonly data: unknown };

/** The events that the commit gives on the log before it; null where that cannot be told, a sentence where it should have been refused. */
function decideAgain(commit: PlainCommit, record: PlainRecord, states: ReadonlyMap<string, Json>, written: ReadonlyMap<string, readonly Written[]>, domain: DomainDefinition): readonly Draft[] | string | null {
  const working = new Map(states);
  const drafts: Draft[] = [];
  for (const [index, command] of commit.commands.entries()) {
    const definition = domain.aggregates.get(command.stream.slice(0, command.stream.indexOf("/")))?.commands.get(command.name);
    const input = definition?.parse(command.v < definition.version ? definition.upcast(command.v, command.input) : command.input);
    if (!definition || !input?.ok) return null;
    const conflict = [command, ...command.reads].some((place) => (written.get(place.stream) ?? []).some((entry) => versionOf(entry) > place.seen && isForeign(entry, record)));
    let on: ReadonlyMap<string, Json> = working;
    if (conflict && definition.onConflict === "reject") return `a command that refuses conflicts was recorded over one`;
    if (conflict && typeof definition.onConflict === "function") return null;
    if (conflict && definition.onConflict === "keep") on = asSeen(command, drafts.length > 0 ? null : record, written, domain) ?? working;
    if (conflict && definition.onConflict === "keep" && drafts.length > 0) return null;
    const decided = decide(definition, input.value, command.stream, record, index, on, domain);
    if (decided === null) return `5: a command was recorded that its own decision refuses`;
    for (const { type, data } of decided) {
      drafts.push({ stream: command.stream, type, data });
      const v = domain.aggregates.get(command.stream.slice(0, command.stream.indexOf("/")))?.events.get(type)?.version ?? 1;
      const events = drafts.map((draft) => ({ ...draft, v, version: 0 }));
      working.set(command.stream, evolve(stateOf(working, command.stream, domain), { ...record, events }, events.length - 1, domain));
    }
  }
  return drafts;
}

function decide(definition: CommandDefinition, input: unknown, stream: string, record: PlainRecord, index: number, states: ReadonlyMap<string, Json>, domain: DomainDefinition) {
  let ids = 0;
  const reads: Record<string, Json> = {};
  for (const [name, ref] of Object.entries(definition.reads(input))) reads[name] = stateOf(states, ref.stream, domain);
  const decision = definition.decide(stateOf(states, stream, domain), input, {
    stream,
    actor: record.actor,
    time: definition.time === "server" ? record.received : record.time,
    id: () => `${record.commit}.${index}.${ids++}`,
    reads,
  });
  return "rejected" in decision ? null : decision;
}

/** The streams of a command as its author saw them: up to what was seen, and what is the author's own. */
function asSeen(command: PlainCommit["commands"][number], record: PlainRecord | null, written: ReadonlyMap<string, readonly Written[]>, domain: DomainDefinition): ReadonlyMap<string, Json> | null {
  if (!record) return null;
  const states = new Map<string, Json>();
  for (const { stream, seen } of [...command.reads, command]) {
    let state = stateOf(new Map(), stream, domain);
    for (const entry of written.get(stream) ?? []) if (versionOf(entry) <= seen || !isForeign(entry, record)) state = evolve(state, entry.record, entry.n, domain);
    states.set(stream, state);
  }
  return states;
}

function versionOf({ record, n }: Written): number {
  return record.events[n]?.version ?? 0;
}

function isForeign({ record }: Written, { actor, client }: Pick<PlainRecord, "actor" | "client">): boolean {
  return record.actor !== actor || record.client !== client;
}

/** Helpers for tests of conflicts: a log with first events, commits of authors who have seen it all, and outcomes. */
import type { Commit } from "../../../src/core/history/commit.ts";
import type { CommandRequest, DomainDefinition } from "../../../src/core/domain/definition.ts";
import { proposeCommit, type View } from "../../../src/core/decide/propose-commit.ts";
import type { RecordEvent } from "../../../src/core/history/record.ts";
import { Replica } from "../../../src/core/replica/replica.ts";
import { column, tally, task, taskDomain } from "../task-domain.ts";
import { author } from "./author.ts";
import { push, type ServerModel, serverModel } from "./server-model.ts";

export const NOW = 1_700_000_000_000;

/** Two columns, one task, one tally. */
export const BEGINNING: readonly CommandRequest[] = [
  column.command.add("todo", { title: "To do" }),
  column.command.add("done", { title: "Done" }),
  task.command.add("t1", { title: "Milk", column: "todo" }),
  tally.command.add("a", { amount: 5 }),
];

/** A log that starts with these commands. Each of them is a commit of Zoe. */
export function logOf(
  requests: readonly CommandRequest[] = BEGINNING,
  domain: DomainDefinition = taskDomain.definition,
): ServerModel {
  const server = serverModel(domain);
  for (const request of requests) add(server, "zoe", request);
  return server;
}

/** The view of an author who has seen the whole log. */
export function viewOf({ domain, records }: ServerModel): Replica {
  const replica = new Replica(domain);
  replica.apply(records, NOW);
  return replica;
}

/** The commit of an author on a view. Throws if it is refused. */
export function commitOn(
  domain: DomainDefinition,
  view: View,
  who: string,
  requests: readonly CommandRequest[],
  device?: string,
): Commit {
  const proposed = proposeCommit(domain, view, requests, author(who, device));
  if ("defect" in proposed) throw new Error(`Refused: ${proposed.defect.message}`);
  return proposed.commit;
}

/** The commit of an author who has seen the whole log. */
export function made(server: ServerModel, who: string, requests: readonly CommandRequest[], device?: string): Commit {
  return commitOn(server.domain, viewOf(server), who, requests, device);
}

/** An author who has seen the whole log makes a commit, and the server decides it. */
export function add(server: ServerModel, who: string, ...requests: readonly CommandRequest[]) {
  return push(server, made(server, who, requests), NOW);
}

export function pushed(server: ServerModel, commit: Commit) {
  return push(server, commit, NOW);
}

/** The events of a pushed commit. Throws if it was rejected. */
export function eventsFrom(server: ServerModel, commit: Commit): readonly RecordEvent[] {
  const outcome = pushed(server, commit);
  if (outcome.kind === "rejected") throw new Error(`Rejected: ${outcome.defect.message}`);
  return outcome.events;
}

/** The events of a pushed commit as type and data, or the code of its rejection. */
export function becomes(server: ServerModel, commit: Commit) {
  const outcome = pushed(server, commit);
  return outcome.kind === "events" ? outcome.events.map(({ type, data }) => [type, data]) : outcome.defect.code;
}

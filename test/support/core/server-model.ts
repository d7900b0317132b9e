/**
 * The model of a server: a list of records, and the outcomes of all commits. It has no network and no store.
 *
 * It decides with `reconcileCommit` in server mode, on windows that it folds from the first record each time.
 */
import type { Commit } from "../../../src/core/history/commit.ts";
import type { DomainDefinition } from "../../../src/core/domain/definition.ts";
import { emptyStream, foldStream, type StreamState } from "../../../src/core/fold/fold.ts";
import type { CommitRecord } from "../../../src/core/history/record.ts";
import { lastPosition } from "../../../src/core/history/record.ts";
import { reconcileCommit, type Reconciled, type StreamWindow } from "../../../src/core/decide/reconcile-commit.ts";
import { eventsOf } from "./naive-fold.ts";

export type ServerModel = {
  readonly domain: DomainDefinition;
  readonly records: CommitRecord[];
  /** By commit id. */
  readonly outcomes: Map<string, Reconciled>;
};

export function serverModel(domain: DomainDefinition): ServerModel {
  return { domain, records: [], outcomes: new Map() };
}

/** Decides a commit. Returns the first outcome if it was decided before. */
export function push(server: ServerModel, commit: Commit, now: number): Reconciled {
  const before = server.outcomes.get(commit.id);
  if (before) return before;
  const outcome = decideOn(server.domain, server.records, commit, now);
  server.outcomes.set(commit.id, outcome);
  const last = server.records.at(-1);
  if (outcome.kind === "events" && outcome.events.length > 0) {
    const { id, client, actor, time, meta } = commit;
    const position = last ? lastPosition(last) + 1 : 1;
    server.records.push({
      position,
      mark: `m${position}`,
      commit: id,
      client,
      actor,
      time,
      received: now,
      meta,
      events: outcome.events,
    });
  }
  return outcome;
}

/** The server's outcome of a commit on a log. */
export function decideOn(
  domain: DomainDefinition,
  records: readonly CommitRecord[],
  commit: Commit,
  now: number,
): Reconciled {
  return reconcileCommit(domain, commit, {
    mode: "server",
    now,
    window: (stream) => authorityWindow(domain, records, commit, stream),
  });
}

export function authorityWindow(
  domain: DomainDefinition,
  records: readonly CommitRecord[],
  commit: Commit,
  stream: string,
): StreamWindow {
  const foldWhere = (isTaken: (record: CommitRecord, version: number) => boolean): StreamState => {
    let at = emptyStream(domain, stream);
    for (const record of records) {
      for (const [n, event] of record.events.entries())
        if (event.stream === stream && isTaken(record, event.version)) at = foldStream(domain, at, record, n).next;
    }
    return at;
  };
  return {
    current: foldWhere(() => true),
    from: 0,
    since: eventsOf(domain, records, stream),
    authored: (seen) =>
      foldWhere(
        (record, version) => version <= seen || (record.actor === commit.actor && record.client === commit.client),
      ),
  };
}

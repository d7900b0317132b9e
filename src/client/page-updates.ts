/**
 * What the page is told of, as it changes: rows, status, rejections, who else is here.
 *
 * Holds: updates are numbered and leave in order; one tells only what the page does not have yet; rows leave at once, the
 * rest together at the end of the microtask.
 */
import { type Json, sameJson } from "../core/json.ts";
import type { RowDelta } from "../core/rows.ts";
import type { Engine } from "./engine.ts";
import type { PageUpdate, PlainRejection, UpdateSink } from "./worker-api.ts";

type Facts = Required<Pick<PageUpdate, "status" | "rejections" | "presence">>;

export type PageUpdates = {
  /** Number of the last update that left. */
  seq(): number;
  /** From now on rows of this projection are told. */
  watch(projection: string): void;
  rows(deltas: readonly RowDelta[]): void;
  soon(): void;
  /** The first update, with everything. */
  whole(): string;
  close(): void;
};

export function pageUpdates(page: UpdateSink, facts: () => Facts): PageUpdates {
  const watched = new Set<string>();
  let seq = 0;
  let told: Partial<Facts> = {};
  let queued = false;
  let closed = false;

  const next = (deltas: readonly RowDelta[]): PageUpdate | null => {
    const now = facts();
    const changed = {
      ...(deltas.length > 0 && { deltas }),
      ...(!same(now.status, told.status) && { status: now.status }),
      ...(!same(now.rejections, told.rejections) && { rejections: now.rejections }),
      ...(!same(now.presence, told.presence) && { presence: now.presence }),
    };
    if (Object.keys(changed).length === 0) return null;
    told = now;
    return { seq: ++seq, ...changed };
  };
  const send = (deltas: readonly RowDelta[]) => {
    const update = closed ? null : next(deltas);
    if (update) page.changed(JSON.stringify(update));
  };

  return {
    seq: () => seq,
    watch: (projection) => void watched.add(projection),
    rows: (deltas) => send(deltas.filter(({ projection }) => watched.has(projection))),
    soon() {
      if (queued) return;
      queued = true;
      queueMicrotask(() => {
        queued = false;
        send([]);
      });
    },
    whole: () => {
      told = {};
      return JSON.stringify(next([]) ?? { seq });
    },
    close: () => {
      closed = true;
    },
  };
}

export function rejectionsOf(engine: Engine): readonly PlainRejection[] {
  return engine.rejections.map(({ commit, outcome, rejectedAt }) => ({
    commit: commit.id,
    commands: commit.commands.map(({ stream, name, v, input }) => ({ stream, name, v, ...(input !== undefined && { input }) })),
    code: outcome.code,
    message: outcome.message,
    command: outcome.command,
    theirs: outcome.theirs ?? [],
    rejectedAt,
  }));
}

function same(left: Json | object, right: Json | object | undefined): boolean {
  // All of it is plain JSON, which the types of statuses and rejections say field by field.
  return right !== undefined && sameJson(left as Json, right as Json);
}

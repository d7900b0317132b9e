/**
 * What the page is told of, as it changes: rows, status, rejections, who else is here.
 *
 * Holds: updates are numbered and leave in order; one tells only what the page does not have yet. What changes in one turn leaves
 * together at its end, with the answers to those who asked for it: a message costs more than what is in it.
 */
import { type Json, sameJson } from "../../core/values/json.ts";
import type { RowDelta } from "../../core/fold/rows.ts";
import type { Engine } from "../engine/engine.ts";
import type { CallAnswer, PageUpdate, PlainRejection, UpdateSink } from "../messages/worker-messages.ts";

/** Microtasks until what was decided together has been answered, where others still wait: some five, and a few to spare. Later ones leave on their own. */
const MICROTASKS = 10;

type Facts = Required<Pick<PageUpdate, "status" | "rejections" | "presence">>;

export type PageUpdates = {
  /** Number of the update that shows all that has happened: what waits leaves first. */
  seq(): number;
  /** From now on rows of this projection are told. */
  watch(projection: string): void;
  rows(deltas: readonly RowDelta[]): void;
  /** So many answers will come. */
  expect(answers: number): void;
  answer(given: CallAnswer): void;
  soon(): void;
  /** The first update, with everything. */
  whole(): string;
  close(): void;
};

export function pageUpdates(page: UpdateSink, facts: () => Facts): PageUpdates {
  const watched = new Set<string>();
  let seq = 0;
  let told: Partial<Facts> = {};
  let deltas: RowDelta[] = [];
  let answers: CallAnswer[] = [];
  let expected = 0;
  let queued = false;
  let closed = false;

  /** What the page does not have yet. */
  const news = () => {
    const now = facts();
    const different = {
      ...(deltas.length > 0 && { deltas }),
      ...(!same(now.status, told.status) && { status: now.status }),
      ...(!same(now.rejections, told.rejections) && { rejections: now.rejections }),
      ...(!same(now.presence, told.presence) && { presence: now.presence }),
    };
    told = now;
    deltas = [];
    return different;
  };
  const next = (): PageUpdate | null => {
    // Who still waits when the log is closed is answered; nobody looks at the rest any more.
    const update = { ...(!closed && news()), ...(answers.length > 0 && { answers }) };
    answers = [];
    return Object.keys(update).length === 0 ? null : { seq: ++seq, ...update };
  };
  const send = () => {
    const update = next();
    if (update) page.changed(JSON.stringify(update));
  };
  const sendAfter = (microtasks: number) => {
    queueMicrotask(() => {
      if (microtasks > 1) return sendAfter(microtasks - 1);
      queued = false;
      send();
    });
  };
  const soon = () => {
    if (queued) return;
    queued = true;
    sendAfter(MICROTASKS);
  };

  return {
    seq() {
      send();
      return seq;
    },
    watch: (projection) => void watched.add(projection),
    rows(changed) {
      deltas.push(...changed.filter(({ projection }) => watched.has(projection)));
      soon();
    },
    expect(count) {
      expected += count;
    },
    answer(given) {
      answers.push(given);
      expected--;
      if (expected > 0) soon();
      else send();
    },
    soon,
    whole() {
      send();
      told = {};
      return JSON.stringify(next() ?? { seq });
    },
    close: () => {
      closed = true;
    },
  };
}

export function rejectionsOf(engine: Engine): readonly PlainRejection[] {
  return engine.rejections.map(({ commit, outcome, rejectedAt }) => ({
    commit: commit.id,
    commands: commit.commands.map(({ stream, name, v, input }) => ({
      stream,
      name,
      v,
      ...(input !== undefined && { input }),
    })),
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

/**
 * Sends the page the changes of a log: rows, status, rejections, other presences, answers.
 *
 * Guarantees (`page-updates.test.ts`):
 * - Updates have rising numbers and leave in order. An update contains only what the page does not have yet.
 * - The changes of one turn leave in one message with the answers of that turn, because a message costs more than its
 *   content.
 */
import { type Json, sameJson } from "../../core/values/json.ts";
import type { RowDelta } from "../../core/fold/rows.ts";
import type { Engine } from "../engine/engine.ts";
import type { CallAnswer, PageUpdate, PlainRejection, UpdateSink } from "../messages/worker-messages.ts";
import { requestsOf } from "./requests-of.ts";

/**
 * Microtasks from a change to its update. All calls of one group are answered within about five, and a few are spare.
 * Later answers leave in an update of their own.
 */
const MICROTASKS = 10;

type Facts = Required<Pick<PageUpdate, "status" | "rejections" | "presence">>;

export type PageUpdates = {
  /** Sends what has changed, and returns the number of the last update. */
  readonly flush: () => number;
  /** Adds a projection to those whose rows are sent. */
  readonly watch: (projection: string) => void;
  readonly addRows: (deltas: readonly RowDelta[]) => void;
  /** Announces answers, so that they wait for each other. */
  readonly expectAnswers: (count: number) => void;
  /** Adds an answer. The last answer that is expected leaves at once. */
  readonly addAnswer: (answer: CallAnswer) => void;
  /** Sends what has changed at the end of this turn. */
  readonly schedule: () => void;
  /** Returns the first update, with everything. */
  readonly whole: () => string;
  /** From now on, only answers are sent. */
  readonly close: () => void;
};

export function pageUpdates(page: UpdateSink, facts: () => Facts): PageUpdates {
  const watched = new Set<string>();
  let seq = 0;
  let sent: Partial<Facts> = {};
  let deltas: RowDelta[] = [];
  let answers: CallAnswer[] = [];
  let expected = 0;
  let isScheduled = false;
  let isClosed = false;

  /** Everything that the page does not have yet. */
  const takeChanges = () => {
    const now = facts();
    const changes = {
      ...(deltas.length > 0 && { deltas }),
      ...(!same(now.status, sent.status) && { status: now.status }),
      ...(!same(now.rejections, sent.rejections) && { rejections: now.rejections }),
      ...(!same(now.presence, sent.presence) && { presence: now.presence }),
    };
    sent = now;
    deltas = [];
    return changes;
  };
  const next = (): PageUpdate | null => {
    // A closed log still answers the calls that wait. It drops the rest, because no page shows it any more.
    const update = { ...(!isClosed && takeChanges()), ...(answers.length > 0 && { answers }) };
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
      isScheduled = false;
      send();
    });
  };
  const schedule = () => {
    if (isScheduled) return;
    isScheduled = true;
    sendAfter(MICROTASKS);
  };

  return {
    flush() {
      send();
      return seq;
    },
    watch: (projection) => void watched.add(projection),
    addRows(changed) {
      deltas.push(...changed.filter(({ projection }) => watched.has(projection)));
      schedule();
    },
    expectAnswers(count) {
      expected += count;
    },
    addAnswer(answer) {
      answers.push(answer);
      expected--;
      if (expected > 0) schedule();
      else send();
    },
    schedule,
    whole() {
      send();
      sent = {};
      return JSON.stringify(next() ?? { seq });
    },
    close: () => {
      isClosed = true;
    },
  };
}

export function rejectionsOf(engine: Engine): readonly PlainRejection[] {
  return engine.rejections.map(({ commit, outcome, rejectedAt }) => ({
    commit: commit.id,
    commands: requestsOf(commit),
    code: outcome.code,
    message: outcome.message,
    command: outcome.command,
    theirs: outcome.theirs ?? [],
    rejectedAt,
  }));
}

function same(left: Json | object, right: Json | object | undefined): boolean {
  // All facts are plain JSON. Their types say so field by field, and TypeScript cannot derive `Json` from that.
  return right !== undefined && sameJson(left as Json, right as Json);
}

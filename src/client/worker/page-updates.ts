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

export class PageUpdates {
  readonly #page: UpdateSink;
  readonly #facts: () => Facts;
  readonly #watched = new Set<string>();
  #seq = 0;
  #sent: Partial<Facts> = {};
  #deltas: RowDelta[] = [];
  #answers: CallAnswer[] = [];
  /** Answers that were announced and have not been added yet. */
  #expected = 0;
  #isScheduled = false;
  #isClosed = false;

  constructor(page: UpdateSink, facts: () => Facts) {
    this.#page = page;
    this.#facts = facts;
  }

  /** Sends what has changed, and returns the number of the last update. */
  flush(): number {
    this.#send();
    return this.#seq;
  }

  /** Adds a projection to those whose rows are sent. */
  watch(projection: string): void {
    this.#watched.add(projection);
  }

  addRows(deltas: readonly RowDelta[]): void {
    this.#deltas.push(...deltas.filter(({ projection }) => this.#watched.has(projection)));
    this.schedule();
  }

  /** Announces answers, so that they wait for each other. */
  expectAnswers(count: number): void {
    this.#expected += count;
  }

  /** Adds an answer. The last answer that is expected leaves at once. */
  addAnswer(answer: CallAnswer): void {
    this.#answers.push(answer);
    this.#expected--;
    if (this.#expected > 0) this.schedule();
    else this.#send();
  }

  /** Sends what has changed at the end of this turn. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#sendAfter(MICROTASKS);
  }

  /** Returns the first update, with everything. */
  whole(): string {
    this.#send();
    this.#sent = {};
    return JSON.stringify(this.#next() ?? { seq: this.#seq });
  }

  /** From now on, only answers are sent. */
  close(): void {
    this.#isClosed = true;
  }

  #sendAfter(microtasks: number): void {
    queueMicrotask(() => {
      if (microtasks > 1) return this.#sendAfter(microtasks - 1);
      this.#isScheduled = false;
      this.#send();
    });
  }

  #send(): void {
    const update = this.#next();
    if (update) this.#page.changed(JSON.stringify(update));
  }

  #next(): PageUpdate | null {
    // A closed log still answers the calls that wait. It drops the rest, because no page shows it any more.
    const changes = this.#isClosed ? {} : this.#drainChanges();
    const update = { ...changes, ...(this.#answers.length > 0 && { answers: this.#answers }) };
    this.#answers = [];
    return Object.keys(update).length === 0 ? null : { seq: ++this.#seq, ...update };
  }

  /** Everything that the page does not have yet. */
  #drainChanges(): Partial<PageUpdate> {
    const [now, sent, deltas] = [this.#facts(), this.#sent, this.#deltas];
    this.#sent = now;
    this.#deltas = [];
    return {
      ...(deltas.length > 0 && { deltas }),
      ...(!same(now.status, sent.status) && { status: now.status }),
      ...(!same(now.rejections, sent.rejections) && { rejections: now.rejections }),
      ...(!same(now.presence, sent.presence) && { presence: now.presence }),
    };
  }
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

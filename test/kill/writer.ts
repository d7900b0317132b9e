/**
 * A writer while the server is killed. It pushes small batches without a pause, and repeats pushes without an answer.
 *
 * Guarantees:
 * - It never changes or forgets a push before the whole answer has arrived.
 * - From time to time it repeats an old push, which must get the same answer.
 */
import { column, type MadeCommit, makeCommit, pushBody, task, type WireAnswer } from "../support/http-writer.ts";
import type { SeededRandom } from "../support/random.ts";
import type { Journal } from "./journal.ts";
import { parseOwnJson } from "../support/own-json.ts";

export type WriterOptions = {
  readonly actor: string;
  readonly log: string;
  readonly journal: Journal;
  readonly random: SeededRandom;
  /** Resolves with the server's address once there is one. */
  readonly server: () => Promise<string>;
};

const BATCH_MAX = 5;
const OLD_KEPT_MAX = 200;
const RETRY_MS = 5;
const ANSWER_MS_MAX = 10_000;

export class Writer {
  readonly #options: WriterOptions;
  readonly #client = crypto.randomUUID();
  #unanswered: MadeCommit[] = [];
  readonly #old: MadeCommit[] = [];
  #after: string | null = null;
  #made = 0;
  #stopping = false;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Ends after `stop`, when everything was answered. */
  async run(): Promise<void> {
    while (!this.#stopping || this.#unanswered.length > 0) {
      const server = await this.#options.server();
      const answered = await this.#push(server, this.#batch()).catch(() => false);
      if (!answered) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  stop(): void {
    this.#stopping = true;
  }

  #batch(): readonly MadeCommit[] {
    const { random } = this.#options;
    if (!this.#stopping)
      while (this.#unanswered.length < 1 + random.below(BATCH_MAX)) this.#unanswered.push(this.#make());
    const old = this.#old.length > 0 && random.chance(0.1) ? random.pick(this.#old) : undefined;
    return old ? [...this.#unanswered, old] : this.#unanswered;
  }

  #make(): MadeCommit {
    const { actor, random } = this.#options;
    const n = ++this.#made;
    const kind = random.below(100);
    const id = `${actor}-${n}`;
    const add = task.command.add(id, { title: id, column: "todo" });
    const commands =
      // One writer adds this column first, and the server rejects the other writers.
      kind < 15
        ? [column.command.add(`shared-${n}`, { name: actor })]
        : kind < 25
          ? [task.command.complete("never-added")]
          : kind < 50
            ? [add, task.command.note(id, { text: "…".repeat(1 + random.below(1_000)) })]
            : [add];
    return makeCommit(actor, this.#client, commands);
  }

  async #push(server: string, batch: readonly MadeCommit[]): Promise<boolean> {
    const { actor, log, journal } = this.#options;
    const response = await fetch(`${server}/logs/${log}/commits`, {
      method: "POST",
      headers: { authorization: `Bearer ${actor}`, "content-type": "application/json" },
      body: pushBody(this.#after, batch),
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    const text = await response.text();
    if (response.status === 409) {
      journal.miss(`the cursor ${this.#after} that the server had given out: ${text}`);
      this.#after = null;
    } else if (response.status !== 200 && response.status !== 503) throw new UnexpectedAnswer(response.status, text);
    if (response.status !== 200) return false;

    const answer = parseOwnJson<WireAnswer>(text);
    const answered = new Set(answer.outcomes.map(({ id }) => id));
    answer.outcomes.forEach((outcome) => journal.take(outcome));
    journal.show(answer.records);
    this.#after = answer.cursor;
    this.#old.push(...this.#unanswered.filter(({ id }) => answered.has(id)));
    if (this.#old.length > OLD_KEPT_MAX) this.#old.splice(0, this.#old.length - OLD_KEPT_MAX);
    this.#unanswered = this.#unanswered.filter(({ id }) => !answered.has(id));
    return true;
  }
}

/** The server answered a good push with something else than an outcome or "later". */
class UnexpectedAnswer extends Error {
  constructor(status: number, text: string) {
    super(`A good push was answered ${status}: ${text.slice(0, 300)}`);
    console.error(this.message);
  }
}

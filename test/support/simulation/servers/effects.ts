/**
 * The world outside: the mails that handlers sent, and in which order.
 *
 * Guarantees:
 * - All attempts of an event have one effect id, and two events have two.
 * - An event begins after the end of all events before it in its stream, unless an operator skipped them.
 * - No event begins while the log does not contain the place of the subscriber.
 */
import type { SeededRandom } from "../../../../src/testing/seeded-random.ts";
import type { Ledger } from "./ledger.ts";
import type { LostPlaces } from "./lost-places.ts";
import { MAILER } from "./names.ts";

const FOLLOWER = `subscriber/${MAILER}`;

type Place = { readonly id: string; readonly stream: string; readonly version: number };
type Failure = "before" | "after" | "hangs" | null;

export class Effects {
  readonly problems: string[] = [];
  /** The events whose handler ended well. */
  readonly done = new Set<string>();
  /** The events that an operator skipped. */
  readonly skipped = new Set<string>();
  readonly #random: SeededRandom;
  readonly #ledger: () => Ledger;
  readonly #lost: () => LostPlaces;
  readonly #failure: number;
  readonly #ids = new Map<string, string>();
  readonly #events = new Map<string, string>();

  /** `failure`: the probability that a handler fails. It is 0 after the world is healed. */
  constructor(random: SeededRandom, ledger: () => Ledger, lost: () => LostPlaces, failure: number) {
    this.#random = random;
    this.#ledger = ledger;
    this.#lost = lost;
    this.#failure = failure;
  }

  isHealed = false;

  draw(): { readonly delayMs: number; readonly fails: Failure } {
    const fails = !this.isHealed && this.#random.chance(this.#failure);
    return {
      delayMs: this.#random.below(this.#random.chance(0.1) ? 2_000 : 20),
      fails: fails ? this.#random.pick(["before", "after", "hangs"]) : null,
    };
  }

  begin({ id, stream, version }: Place, effectId: string): void {
    const known = this.#ids.get(id) ?? effectId;
    if (known !== effectId) this.problems.push(`the event ${id} has two effect ids: ${known} and ${effectId}`);
    const other = this.#events.get(effectId) ?? id;
    if (other !== id) this.problems.push(`the events ${other} and ${id} have one effect id`);
    this.#ids.set(id, effectId);
    this.#events.set(effectId, id);
    const lost = this.#lost();
    if (lost.isLost(FOLLOWER)) this.problems.push(`the event ${id} was handled though ${FOLLOWER} is diverged`);
    for (const before of this.#ledger()
      .countedOf(stream)
      .open((one) => one.version < version, this.isOver)
      .filter((one) => one.position > lost.continuedAt(FOLLOWER)))
      this.problems.push(`${stream} ${version} was handled before ${before.version} was done`);
  }

  end({ id }: Place): void {
    this.done.add(id);
  }

  /** True: the event was handled or skipped. */
  readonly isOver = (id: string): boolean => this.done.has(id) || this.skipped.has(id);
}

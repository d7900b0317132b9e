/**
 * The places of the subscriber and the process managers in a log that a restore took back alone. This class reads each
 * write in the order of the store.
 *
 * Guarantees:
 * - A place that the log has lost stays as it is until an operator resets it.
 * - A node reports a place as diverged only if the log has lost it.
 */
import { DacapoError } from "../../../../src/core/values/errors.ts";
import type { Cursor } from "../../../../src/core/history/record.ts";
import type { ModelWrite } from "../../../../src/sync-server/stores/model-store.ts";
import type { PlainRecord } from "../../../../src/testing/simulate/plain-record.ts";
import { parseOwnJson } from "../../own-json.ts";
import type { BackedUpStore } from "./backed-up-store.ts";
import { ECHO, FLOW, LOG, MAILER } from "./names.ts";

/** The subscriber and the process managers, by the names of their followers. */
export const FOLLOWERS: ReadonlyMap<string, string> = new Map([
  [`subscriber/${MAILER}`, MAILER],
  [`process/${FLOW}`, FLOW],
  [`process/${ECHO}`, ECHO],
]);

type Place = { readonly at: Cursor | null; readonly isPaused: boolean };
type Notes = { readonly isPaused?: boolean; readonly silentTo?: number };

export class LostPlaces {
  readonly #problems: string[] = [];
  readonly #store: BackedUpStore;
  readonly #places = new Map<string, Place>();
  readonly #lost = new Set<string>();
  /** The followers whose place was lost once. */
  readonly #wereLost = new Set<string>();
  /** The positions behind which followers continued after their last reset. */
  readonly #continuedAt = new Map<string, number>();
  #hasContinued = false;
  /** The events and jobs whose commands a restore removed behind the place of their follower. Nobody notices it. */
  readonly #lostCommands = new Set<string>();
  readonly #reported = new Set<string>();
  #writes = 0;
  #cuts = 0;

  constructor(store: BackedUpStore) {
    this.#store = store;
  }

  get problems(): readonly string[] {
    return this.#now().#problems;
  }

  /** True: a restore of the log alone removed the record with this mark. */
  readonly isLostMark = (mark: string): boolean => this.#now().#lost.has(mark);

  /** True: the log does not contain the place of the follower. */
  isLost(name: string): boolean {
    return this.#now().#isLost(name);
  }

  isPaused(name: string): boolean {
    return this.#now().#places.get(name)?.isPaused ?? false;
  }

  /** True: a node reported the place that is lost now. */
  isReported(name: string): boolean {
    return this.isLost(name) && this.#reported.has(name);
  }

  /** An operator decided to handle no event up to this position again. 0: no operator did. */
  continuedAt(...names: readonly string[]): number {
    return Math.max(0, ...names.map((name) => this.#now().#continuedAt.get(name) ?? 0));
  }

  /** True: commands for events that the log has lost may be in its outboxes, or were in them. */
  get hasContinued(): boolean {
    return this.#now().#hasContinued;
  }

  /** True: a restore removed a command for this event or job, and its follower cannot notice that. */
  readonly hasLostCommand = (eventOrJob: string): boolean => this.#now().#lostCommands.has(eventOrJob);

  /** A node reported an error. */
  report(error: unknown): void {
    if (!(error instanceof DacapoError) || error.code !== "diverged" || error.details["log"] !== LOG) return;
    const { subscriber, process } = error.details;
    const [name] = [...FOLLOWERS].find(([, one]) => one === (subscriber ?? process)) ?? [];
    if (name === undefined) return;
    if (!this.#now().#wereLost.has(name)) this.#problems.push(`${name} was reported as diverged, and its log is whole`);
    this.#reported.add(name);
  }

  #isLost(name: string): boolean {
    const at = this.#places.get(name)?.at;
    return at ? this.#lost.has(at.mark) : false;
  }

  /** Reads the writes and the restores that came since the last call. */
  #now(): this {
    const [writes, cuts] = [this.#store.modelWrites(LOG), this.#store.cuts(LOG)];
    for (;;) {
      const [cut, write] = [cuts[this.#cuts], writes[this.#writes]];
      if (cut && cut.writes <= this.#writes) {
        this.#cuts++;
        for (const { mark } of cut.lost) this.#lost.add(mark);
        for (const name of this.#places.keys()) if (this.#isLost(name)) this.#wereLost.add(name);
        for (const record of cut.lost) this.#addLost(record);
        this.#reported.clear();
      } else if (write) {
        this.#writes++;
        this.#add(write);
      } else return this;
    }
  }

  #addLost({ actor, events }: PlainRecord): void {
    const [name] = [...FOLLOWERS].find(([, one]) => actor === `~${one}`) ?? [];
    if (name === undefined || this.#isLost(name)) return;
    for (const { stream, data } of events) {
      this.#lostCommands.add(stream);
      if (typeof data === "object" && data !== null && "event" in data) this.#lostCommands.add(String(data.event));
    }
  }

  #add({ followers }: ModelWrite): void {
    for (const { name, next } of followers) {
      if (!FOLLOWERS.has(name) || !next || next === "check") continue;
      const { isPaused = false, silentTo } = parseOwnJson<Notes>(next.text);
      const isReset = next.tables["waiting"] === "new";
      if (this.#isLost(name) && !isReset)
        this.#problems.push(`${name} was diverged, and moved to ${next.at?.position} without a reset`);
      if (isReset) this.#continue(name, silentTo ?? next.at?.position ?? 0);
      this.#places.set(name, { at: next.at, isPaused });
    }
  }

  #continue(name: string, position: number): void {
    this.#continuedAt.set(name, position);
    this.#hasContinued ||= position > 0;
    this.#reported.delete(name);
  }
}

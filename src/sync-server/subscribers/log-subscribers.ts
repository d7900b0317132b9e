/**
 * The subscribers of one log, for the code of the server and its operators.
 *
 * Guarantees (subscribers.test.ts, subscribers.diverged.test.ts):
 * - An action that another write disturbs is decided again.
 * - An action on a place that the log does not contain is refused, except `reset`.
 */
import { encodeCursor, positionOf } from "../../core/history/record.ts";
import type { LogName } from "../../core/values/ids.ts";
import { parseOwnJson } from "../../core/values/json.ts";
import { gone } from "../base/gone.ts";
import { handleName } from "../base/check-arguments.ts";
import type { EventStore } from "../stores/event-store.ts";
import { FollowerInLog, operatorCalls, type ResetOptions, withSkipped } from "./follower-in-log.ts";
import { keyOf, type OpenEvent } from "./lanes.ts";
import { type NextPlace, type Place, readPlace, readWaiting, type SkippedEvent, writePlace } from "./place.ts";
import type { Subscriber, SubscriberDefinition } from "./subscriber.ts";
import type { Subscribers } from "./subscribers.ts";

/** The place of a subscriber in a log. */
export type SubscriberStatus = {
  /** The subscriber's name. */
  readonly name: string;
  /**
   * `running`: it handles events. `paused`: by `pause`. `stopped`: by a parked event and `afterRetries: "stop"`.
   * `diverged`: the log does not contain its place, so it needs a reset.
   */
  readonly state: "running" | "paused" | "stopped" | "diverged";
  /** The cursor of its checkpoint. Each event up to it was handled, or waits. Null: the beginning. */
  readonly at: string | null;
  /** Events of the log behind the checkpoint. */
  readonly behind: number;
  /** Events up to the checkpoint that were not handled, as of the last write. */
  readonly waiting: number;
  /** The waiting events that are parked. */
  readonly parked: number;
  /** The last skipped events. */
  readonly skipped: readonly SkippedEvent[];
  /** The reason why its last run failed on this node, such as a damaged record. Null: it did not fail. */
  readonly lastError: string | null;
};

/** An event that a subscriber could not handle. */
export type ParkedByHandler = Pick<OpenEvent, "event" | "type" | "stream" | "version" | "position"> & {
  /** The attempts that failed. */
  readonly attempts: number;
  /** The reason of the last failure, for people. */
  readonly reason: string;
};

/** The subscribers of one log. Each call takes a subscriber of this server, or its name. */
export type LogSubscribers = {
  /**
   * Returns the place of each subscriber.
   *
   * @example
   * const { subscribers } = server.log("shop");
   * for (const { name, state, behind } of await subscribers.list()) console.log(name, state, behind);
   *
   * @throws DacapoError (`gone`) if the log was deleted, as every call here.
   */
  readonly list: () => Promise<readonly SubscriberStatus[]>;
  /**
   * Returns the parked events, in the order of the log.
   *
   * @example
   * for (const { event, reason } of await server.log("shop").subscribers.parked(mailer)) console.log(event, reason);
   */
  readonly parked: (subscriber: Subscriber | string) => Promise<readonly ParkedByHandler[]>;
  /**
   * Handles parked events again, with all attempts. Returns the number of them. Without `events`: all parked events.
   *
   * @example
   * await server.log("shop").subscribers.retry(mailer);
   *
   * @throws DacapoError (`diverged`) if the log was replaced and does not contain the place of the subscriber, as
   *   `skip`, `pause` and `resume`. Only `reset` helps.
   */
  readonly retry: (subscriber: Subscriber | string, events?: readonly string[]) => Promise<number>;
  /**
   * Passes over a parked event for good, so that its stream continues. `list` shows the last 20 reasons.
   *
   * @example
   * await server.log("shop").subscribers.skip(mailer, event, "The address does not exist");
   *
   * @throws ValidationError (`invalid`) if the event is not parked.
   */
  readonly skip: (subscriber: Subscriber | string, event: string, reason: string) => Promise<void>;
  /**
   * Starts no more handlers in this log, on all nodes and after restarts. Running handlers end.
   *
   * @example
   * await server.log("shop").subscribers.pause(mailer);
   */
  readonly pause: (subscriber: Subscriber | string) => Promise<void>;
  /**
   * Continues after `pause`.
   *
   * @example
   * await server.log("shop").subscribers.resume(mailer);
   */
  readonly resume: (subscriber: Subscriber | string) => Promise<void>;
  /**
   * Moves the subscriber to another place, and forgets its waiting and parked events.
   *
   * @example
   * await server.log("shop").subscribers.reset(mailer, { from: "beginning", effects: "repeat" });
   *
   * @throws DacapoError (`diverged`) if the log does not contain the cursor.
   */
  readonly reset: (subscriber: Subscriber | string, options: ResetOptions) => Promise<void>;
};

const NOTHING = { set: [], remove: [] };

/** The subscribers of a server, or of a program that runs no handlers. */
export type KnownSubscribers = Pick<Subscribers, "definitions" | "now" | "poke" | "failureOf">;

export function logSubscribers(store: EventStore, subscribers: KnownSubscribers, log: LogName): LogSubscribers {
  const { definitions } = subscribers;
  return operatorCalls([...definitions.keys()], (handle: Subscriber | string) => {
    const name = handleName("a subscriber", handle);
    return new SubscriberInLog(subscribers, new FollowerInLog("subscriber", store, log, definitions, name));
  });
}

type Decided = { readonly next: NextPlace; readonly count: number };

class SubscriberInLog {
  readonly #subscribers: KnownSubscribers;
  readonly #follower: FollowerInLog<SubscriberDefinition>;

  constructor(subscribers: KnownSubscribers, follower: FollowerInLog<SubscriberDefinition>) {
    this.#subscribers = subscribers;
    this.#follower = follower;
  }

  async status(): Promise<SubscriberStatus> {
    const { name, afterRetries } = this.#follower.definition;
    const place = await this.#place();
    const lastError = this.#subscribers.failureOf(this.#follower.log, name);
    if (!place) return { name, state: "running", at: null, behind: 0, waiting: 0, parked: 0, skipped: [], lastError };
    const { at, head, notes } = place;
    const { isPaused, waiting, parked, skipped } = notes;
    const isStopped = afterRetries === "stop" && parked > 0;
    const isDiverged = await this.#follower.isDiverged(at);
    const state = isDiverged ? "diverged" : isPaused ? "paused" : isStopped ? "stopped" : "running";
    const behind = Math.max(positionOf(head) - positionOf(at), 0);
    return { name, state, at: at && encodeCursor(at), behind, waiting, parked, skipped, lastError };
  }

  async parked(): Promise<readonly ParkedByHandler[]> {
    const { parked } = await this.#read();
    return parked.map(({ event, type, stream, version, position, failures, error }) => ({
      event,
      type,
      stream,
      version,
      position,
      attempts: failures,
      reason: error ?? "",
    }));
  }

  retry(events?: readonly string[]): Promise<number> {
    return this.#change((place, parked) => {
      const chosen = parked.filter(({ event }) => events?.includes(event) ?? true);
      const set = chosen.map((event) => {
        const again: OpenEvent = { ...event, failures: 0, notBefore: 0, isParked: false };
        return [keyOf(event.position), JSON.stringify(again)] as const;
      });
      const notes = { ...place.notes, parked: place.notes.parked - chosen.length };
      return { next: { at: place.at, notes, wakeAt: 0, changes: { set, remove: [] } }, count: chosen.length };
    });
  }

  async skip(event: string, reason: string): Promise<void> {
    const count = await this.#change((place, parked) => {
      const found = parked.find((one) => one.event === event);
      const { notes, at } = place;
      const skipped = withSkipped(notes.skipped, { event, reason, at: this.#subscribers.now() });
      const changed = { ...notes, waiting: notes.waiting - 1, parked: notes.parked - 1, skipped };
      return found
        ? { next: { at, notes: changed, wakeAt: 0, changes: { set: [], remove: [keyOf(found.position)] } }, count: 1 }
        : { next: { at, notes, wakeAt: 0, changes: NOTHING }, count: 0 };
    });
    if (count === 0) throw this.#follower.notParked(event);
  }

  async setPaused(isPaused: boolean): Promise<void> {
    await this.#change(({ at, notes }) => ({
      next: { at, notes: { ...notes, isPaused }, wakeAt: isPaused ? Infinity : 0, changes: NOTHING },
      count: 1,
    }));
  }

  async reset(options: ResetOptions): Promise<void> {
    const cursor = await this.#follower.placeOf(options);
    await this.#change(({ notes }) => ({
      next: {
        at: cursor,
        notes: { ...notes, resets: notes.resets + 1, waiting: 0, parked: 0, unknown: [] },
        wakeAt: 0,
        changes: NOTHING,
        isEmptied: true,
      },
      count: 1,
    }));
  }

  /** Decides a change on the stored place, and writes it. Returns the number of changed events. */
  async #change(decide: (place: Place, parked: readonly OpenEvent[]) => Decided): Promise<number> {
    const { models, log, definition } = this.#follower;
    for (;;) {
      const { place, parked } = await this.#read();
      if (!place) throw this.#follower.noRecords();
      const { next, count } = decide(place, parked);
      const written = await writePlace(models, log, definition.follower, place.revision, next);
      if (written.kind === "ok") {
        this.#subscribers.poke(log);
        return count;
      }
      await this.#follower.requireInLog(next.at);
    }
  }

  async #read(): Promise<{ readonly place: Place | null; readonly parked: readonly OpenEvent[] }> {
    const { models, log, definition } = this.#follower;
    for (;;) {
      const place = await this.#place();
      if (!place) return { place, parked: [] };
      const rows = await readWaiting(models, log, definition.follower, place);
      if (!rows) continue;
      const open = rows.flatMap(([, text]) => (text === null ? [] : [parseOwnJson<OpenEvent>(text)]));
      return { place, parked: open.filter(({ isParked }) => isParked) };
    }
  }

  async #place(): Promise<Place | null> {
    const { models, log, definition } = this.#follower;
    const place = await readPlace(models, log, definition.follower);
    if (place === "gone") throw gone(log);
    return place === "absent" ? null : place;
  }
}

/**
 * Runs one subscriber in one log: reads pages, starts handlers, stores the place, until nothing is left to do.
 *
 *     lease ──> place ──> loop: refresh, read a page, start handlers, store ──> lease returned
 *
 * Guarantees (subscribers.test.ts, subscribers.kill.test.ts):
 * - The checkpoint moves over a page in the same write that stores its open events. So a crash loses no event.
 * - A retry never moves the checkpoint.
 * - An unknown event waits a minute for newer code, and holds up only its stream (subscribers.releases.test.ts).
 * - A handler starts only while this node has the lease. A node that lost it stops its handlers and stores nothing.
 */
import { type Cursor, cursorOf, sameCursor } from "../../core/history/record.ts";
import type { LogName } from "../../core/values/ids.ts";
import { jittered } from "../base/env.ts";
import { parkedEvents } from "../base/parked-error.ts";
import { Lanes, type OpenEvent, untriedEvents } from "./lanes.ts";
import { Lease } from "./lease.ts";
import { nextStep, type RunnerFacts } from "./next-step.ts";
import { OpenRecords } from "./open-records.ts";
import { type Place, readPlace, readWaiting, writePlace } from "./place.ts";
import { type HandlerResult, isFor, isUnknown, runHandler } from "./run-handler.ts";
import type { RunnerContext } from "./runner-context.ts";
import { WakeUp } from "./wake-up.ts";

const PAGE = { events: 256, bytes: 1024 * 1024 };
/** Open events above which the checkpoint waits. */
export const WAITING_MAX = 10_000;
/** A busy log continues for this time, though other logs wait for their turn. */
const TURN_MS = 5_000;
/** A node that knows an event may handle it within this time. After it, this node parks the event. */
const UNKNOWN_MS = 60_000;

export class LogRunner {
  readonly #context: RunnerContext;
  readonly #log: LogName;
  readonly #lanes: Lanes;
  readonly #records: OpenRecords;
  readonly #lease: Lease;
  readonly #signal: WakeUp;
  readonly #stop = new AbortController();
  #place: Place | null = null;
  /** The end of the page whose open events are not stored yet. Undefined: there is none. */
  #pageEnd: Cursor | undefined;
  #storedAt = 0;
  /** `stale`: the place or the head may have changed since it was read. */
  #known: "fresh" | "loading" | "stale" = "fresh";
  #failure: { readonly error: unknown } | null = null;

  constructor(context: RunnerContext, log: LogName) {
    this.#context = context;
    this.#log = log;
    this.#records = new OpenRecords(context.store, log);
    this.#lanes = new Lanes(context.subscriber);
    this.#lease = new Lease({ ...context, log, follower: context.subscriber.follower });
    this.#signal = new WakeUp(context.env);
  }

  /** Reports that the log may have new records, or that an operator changed the place. Returns false after the end. */
  poke(): boolean {
    this.#known = "stale";
    this.#signal.send();
    return !this.#stop.signal.aborted;
  }

  /** Runs until nothing is left to do. Returns the time of the next attempt, or Infinity. */
  async run(): Promise<number> {
    const { slots, closing, closed } = this.#context;
    const signal = (): void => this.#signal.send();
    const stop = (): void => this.#stop.abort();
    closing.addEventListener("abort", signal);
    closed.addEventListener("abort", stop);
    let leave = (): void => {};
    try {
      // Another node has the lease, or there is no record yet.
      const canRun = (await this.#lease.hold()) && (await this.#load());
      const isDiverged = canRun && (await this.#isDiverged());
      if (canRun && !isDiverged) {
        // A stale place is read again first, because an operator may have paused or reset it.
        leave = slots.join(() => this.#known === "fresh" && this.#startNext());
        while (await this.#step());
      }
      // Only now, because the results of handlers are stored first.
      if (this.#records.damage) throw this.#records.damage;
      // A poke came too late for this run, or other logs have their turn first.
      if (this.#isStale || this.#mustYield()) return this.#context.env.now();
      return isDiverged || this.#place?.notes.isPaused === true ? Infinity : this.#lanes.nextAt();
    } finally {
      leave();
      closing.removeEventListener("abort", signal);
      closed.removeEventListener("abort", stop);
      this.#stop.abort();
      await this.#lease.giveBack();
    }
  }

  /** Returns false if the runner has nothing left to do. */
  async #step(): Promise<boolean> {
    if (this.#failure) {
      // Otherwise the events that were handled meanwhile would be handled again.
      if (this.#lanes.hasChanges && (await this.#lease.hold())) await this.#store();
      throw this.#failure.error;
    }
    if (!(await this.#lease.hold())) return false;
    if (this.#isStale && !(await this.#refresh())) return false;
    while (this.#context.slots.free > 0 && this.#startNext());
    const step = nextStep(this.#facts());
    if (step.kind === "read") return this.#readPage();
    // After a refused write, an operator or another node was faster.
    if (step.kind === "store") return (await this.#store()) || this.#recover();
    if (step.kind === "wait") await this.#signal.wait(step.ms);
    return step.kind !== "end";
  }

  get #isStale(): boolean {
    return this.#known === "stale";
  }

  /** Takes the signal, because each step but the end decides again. */
  #facts(): RunnerFacts {
    const now = this.#context.env.now();
    return {
      now,
      isRunning: this.#isRunning(),
      wantsPage: this.#wantsPage(),
      isIdle: this.#lanes.runningCount === 0,
      canStart: this.#lanes.next(now) !== null,
      isFull: this.#context.slots.free === 0,
      nextAt: this.#lanes.nextAt(),
      hasChanges: this.#pageEnd !== undefined || this.#lanes.hasChanges || this.#isOverdue(now),
      storedAt: this.#storedAt,
      isSignalled: this.#signal.take() || this.#isStale,
    };
  }

  /** True: the stored time is over, and nothing starts now. Each walk over all logs would name this one. */
  #isOverdue(now: number): boolean {
    const storedAt = this.#place?.notes.nextAt ?? Infinity;
    return storedAt <= now && this.#lanes.runningCount === 0 && this.#lanes.nextAt() > now;
  }

  /** False: no handler starts. */
  #isRunning(): boolean {
    return !this.#context.closing.aborted && this.#place?.notes.isPaused !== true && !this.#mustYield();
  }

  async #load(): Promise<boolean> {
    const { modelStore, domain, subscriber, env } = this.#context;
    for (;;) {
      this.#known = "loading";
      const place = await readPlace(modelStore, this.#log, subscriber.follower);
      if (place === "absent" || place === "gone") return false;
      const isKnown = place.revision === this.#place?.revision;
      const rows = isKnown ? "known" : await readWaiting(modelStore, this.#log, subscriber.follower, place);
      if (!rows) continue;
      if (!this.#place) this.#storedAt = env.now();
      this.#place = place;
      if (rows !== "known") this.#lanes.load(rows);
      this.#lanes.retryUnknown((event) => !isUnknown(domain, event));
      this.#known = this.#isStale ? "stale" : "fresh";
      return true;
    }
  }

  /** True: the log does not contain the checkpoint, so that no waiting event is handled. A page shows the same. */
  async #isDiverged(): Promise<boolean> {
    const { store, onDiverged } = this.#context;
    const at = this.#place?.at ?? null;
    if (at === null || this.#lanes.count === 0) return false;
    const { kind } = await store.read(this.#log, at, { events: 1, bytes: 1 });
    if (kind === "diverged") onDiverged(this.#log, at);
    return kind === "diverged";
  }

  /** Reads the place again. Returns false if this runner must end, because its cursor is no longer the right one. */
  async #refresh(): Promise<boolean> {
    const before = this.#place;
    if (!(await this.#load()) || !before || !this.#place) return false;
    if (sameCursor(before.at, this.#place.at) && before.notes.resets === this.#place.notes.resets) return true;
    // The next run begins at the new place.
    this.#known = "stale";
    return false;
  }

  /** After a refused write. It was refused because of another write, or for good. */
  async #recover(): Promise<boolean> {
    const revision = this.#place?.revision;
    return (await this.#refresh()) && this.#place?.revision !== revision;
  }

  #wantsPage(): boolean {
    const place = this.#place;
    if (!place || this.#pageEnd !== undefined || this.#records.damage || this.#lanes.isStopped) return false;
    if (this.#lanes.count >= WAITING_MAX || this.#lanes.next(this.#context.env.now()) !== null) return false;
    return !sameCursor(place.at, place.head);
  }

  /** Returns false if the log does not contain the checkpoint, or was dropped. */
  async #readPage(): Promise<boolean> {
    const { store, domain, subscriber, onDiverged } = this.#context;
    const at = this.#place?.at ?? null;
    const page = await store.read(this.#log, at, PAGE);
    if (page.kind === "diverged") onDiverged(this.#log, at);
    if (page.kind !== "page") return false;
    for (const record of this.#records.readable(page.records)) {
      for (const event of untriedEvents(record, (n) => isFor(domain, subscriber, record, n))) {
        this.#records.add(event.position, record);
        this.#lanes.admit(event);
      }
      this.#pageEnd = cursorOf(record);
    }
    // The head was read before. Otherwise an empty page would be read for ever.
    if (page.records.length === 0) this.#known = "stale";
    return true;
  }

  /** Starts the next handler in a free slot. Returns false if none can start. */
  #startNext(): boolean {
    const { env, slots } = this.#context;
    const mayStart = !this.#failure && this.#isRunning() && this.#lease.isFresh();
    const event = mayStart ? this.#lanes.next(env.now()) : null;
    if (!event) return false;
    slots.take();
    this.#lanes.start(event);
    this.#signal.send();
    void this.#handle(event)
      .catch((error: unknown) => {
        this.#lanes.giveUp(event);
        this.#failure = { error };
      })
      .finally(() => {
        slots.giveBack();
        this.#signal.send();
      });
    return true;
  }

  async #handle(event: OpenEvent): Promise<void> {
    const { domain, env, subscriber, report, executeAs, turn } = this.#context;
    turn?.countCall();
    const record = await this.#records.take(event);
    const run = { domain, env, subscriber, executeAs, report, log: this.#log, record };
    const result = await runHandler({
      ...run,
      n: event.position - record.position,
      attempt: event.failures + 1,
      stop: this.#stop.signal,
    });
    if (!this.#settle(event, result) || !("reason" in result)) return;
    const by = { kind: "subscriber", name: subscriber.name, log: this.#log } as const;
    const cause = result.kind === "failed" ? result.error : undefined;
    for (const parked of parkedEvents(by, [{ ...event, reason: result.reason }], cause)) report(parked);
  }

  /** Returns true if the event is parked now. */
  #settle(event: OpenEvent, result: HandlerResult): boolean {
    const { env, subscriber } = this.#context;
    if (result.kind === "unknown") return this.#lanes.leave(event, result.v, result.reason, env.now() + UNKNOWN_MS);
    if (result.kind === "failed") {
      const delayMs = Math.min(subscriber.firstMs * 2 ** event.failures, subscriber.maxMs);
      return this.#lanes.fail(event, result.reason, env.now() + jittered(env, delayMs));
    }
    if (result.kind === "done") this.#lanes.succeed(event);
    else this.#lanes.giveUp(event);
    return false;
  }

  /** Stores the checkpoint and the changed rows. Returns false if the place changed meanwhile. */
  async #store(): Promise<boolean> {
    const { modelStore, subscriber, env } = this.#context;
    const place = this.#place;
    if (!place) return false;
    const changes = this.#lanes.changes();
    const at = this.#pageEnd ?? place.at;
    const { count: waiting, parkedCount: parked, unknown } = this.#lanes;
    const notes = { ...place.notes, waiting, parked, unknown };
    // If this node dies while a handler runs, the walk of another one finds the event.
    const wakeAt = this.#lanes.runningCount > 0 ? 0 : this.#lanes.nextAt();
    const next = { at, notes, wakeAt, changes };
    const result = await writePlace(modelStore, this.#log, subscriber.follower, place.revision, next);
    this.#storedAt = env.now();
    if (result.kind !== "ok") return false;
    this.#lanes.wrote(changes);
    this.#pageEnd = undefined;
    // The head is read again, because the log may have grown.
    this.#place = { ...place, revision: place.revision + 1, at, notes };
    this.#known = "stale";
    // Events that are handled later are read again then. So memory stays small.
    this.#records.clear();
    return true;
  }

  /** True: the runtime must sleep first, or other logs wait and this one had its turn. */
  #mustYield(): boolean {
    const { turn, hasWaiting } = this.#context;
    return turn?.isOver === true || (this.#lease.heldMs() > TURN_MS && hasWaiting());
  }
}

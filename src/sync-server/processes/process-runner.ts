/**
 * Runs one process manager in one log: folds events, executes commands that are due, until nothing is left to do.
 *
 *     places ── nextStep ──> step ──> one write on the revisions that were read ──> places …
 *
 * Guarantees (processes.model.test.ts, processes.kill.test.ts, processes.two-nodes.test.ts):
 * - One write moves the checkpoint, the rows and the outbox. So each event has one reaction, also after a crash.
 * - The lease saves double work. The revision alone makes the rows and the outbox right.
 */
import { type CommitRecord, type Cursor, cursorOf, positionOf } from "../../core/history/record.ts";
import type { StorageLostError } from "../../core/values/errors.ts";
import type { LogName } from "../../core/values/ids.ts";
import type { Env } from "../base/env.ts";
import type { Turn } from "../base/turn.ts";
import { isUnknownTo } from "../read-models/fold-page.ts";
import { ROWS, STATES } from "../read-models/read-model.ts";
import type { UnknownEvents } from "../read-models/unknown-events.ts";
import { recordsThatFit, sizeOf } from "../read-models/write-size.ts";
import type { EventStore } from "../stores/event-store.ts";
import type { FollowerWrite, ModelStore, RowChange, TableChange } from "../stores/model-store.ts";
import { TooManyRows, workThatFits } from "../stores/read-keys.ts";
import { recordsIn } from "../stores/stored-record.ts";
import type { OnDiverged } from "../subscribers/diverged-follower.ts";
import type { ExecuteAs } from "../subscribers/handler-execute.ts";
import { Lease } from "../subscribers/lease.ts";
import { WAITING } from "../subscribers/subscriber.ts";
import { executeBatch } from "./command-batch.ts";
import {
  foldBeside,
  foldPageOf,
  type FoldedEvents,
  type FoldSource,
  foldWaiting,
  waitingEvents,
} from "./fold-events.ts";
import { knowsMore, nextStep, type ProcessStep } from "./next-step.ts";
import type { ProcessDefinition } from "./process-manager.ts";
import { runnable } from "./react.ts";
import { DUE, emptyNotes, OUTBOX, type ProcessNotes, type ProcessPlaces, readPlaces, wakeOf } from "./process-place.ts";

export type ProcessRunnerContext = {
  readonly store: EventStore;
  readonly modelStore: ModelStore;
  readonly manager: ProcessDefinition;
  readonly env: Env;
  readonly report: (error: unknown) => void;
  readonly executeAs: ExecuteAs;
  /** The name of this node for leases. */
  readonly node: () => string;
  /** Aborts when the server stops: no more steps begin. */
  readonly closing: AbortSignal;
  /** True: more logs have work than may run at once. */
  readonly hasWaiting: () => boolean;
  /** The turn of a runtime that sleeps between events. Null: there is none. */
  readonly turn: Turn | null;
  readonly unknown: UnknownEvents;
  readonly onDiverged: OnDiverged;
};

const PAGE = { events: 256, bytes: 1024 * 1024 };
/** Waiting events that are folded in one write. */
const RETRIES_MAX = 256;
/** A busy log continues for this time, though other logs wait for their turn. */
const TURN_MS = 5_000;
/** Milliseconds until a node reads again an event that it does not know. */
const UNKNOWN_LOOK_MS = 1_000;
const SWEEP_ROWS = 1_000;

const FOLDED_TABLES = { [ROWS]: "keep", [STATES]: "keep", [WAITING]: "keep" } as const;
const LIVE_TABLES = { ...FOLDED_TABLES, [OUTBOX]: "keep", [DUE]: "keep" } as const;

/** The end of a step: the run continues, or it ends until a time. */
type StepEnd = "continue" | { readonly until: number };

export class ProcessRunner {
  readonly #context: ProcessRunnerContext;
  readonly #log: LogName;
  readonly #lease: Lease;
  #isTurnOfCommands = false;
  #isBeforeUnknown = false;
  /** The next record is damaged. The run fails with it at its end, because commands that are due do not wait for it. */
  #damage: StorageLostError | null = null;
  /** The revisions that the last write was computed on, if the store refused it. */
  #refused = "";

  constructor(context: ProcessRunnerContext, log: LogName) {
    this.#context = context;
    this.#log = log;
    this.#lease = new Lease({ ...context, log, follower: context.manager.follower });
  }

  /** Runs until nothing is left to do. Returns the time of the next work, or Infinity. */
  async run(): Promise<number> {
    const { env, closing, hasWaiting, turn } = this.#context;
    try {
      for (;;) {
        if (closing.aborted) return Infinity;
        if (turn?.isOver === true || (this.#lease.heldMs() > TURN_MS && hasWaiting())) return env.now();
        const end = await this.#next();
        if (end === "continue") await env.nextTurn();
        else if (this.#damage) throw this.#damage;
        else return end.until;
      }
    } finally {
      await this.#lease.giveBack();
    }
  }

  async #next(): Promise<StepEnd> {
    const { modelStore, manager, env } = this.#context;
    const places = await readPlaces(modelStore, this.#log, manager);
    if (typeof places === "string") return { until: Infinity };
    const step = nextStep({
      ...places,
      manager,
      now: env.now(),
      isTurnOfCommands: this.#isTurnOfCommands,
      isBeforeUnknown: this.#isBeforeUnknown,
    });
    if (step.kind === "rest")
      return { until: this.#isBeforeUnknown ? Math.min(step.until, env.now() + UNKNOWN_LOOK_MS) : step.until };
    if (this.#refused === revisionsOf(places)) {
      // Nobody else has written, so that the log does not contain the cursor of the write.
      this.#context.onDiverged(this.#log, places.live.at);
      return { until: Infinity };
    }
    // Another node has the lease. It does the same steps, and a walk finds this log again.
    if (!(await this.#lease.hold())) return { until: Infinity };
    this.#isTurnOfCommands = step.kind !== "execute";
    return this.#runStep(step, places);
  }

  async #runStep(step: Exclude<ProcessStep, { kind: "rest" }>, places: ProcessPlaces): Promise<StepEnd> {
    const { manager } = this.#context;
    switch (step.kind) {
      case "build":
        return this.#build(places, step.isNew);
      case "swap":
        return this.#swap(places);
      case "retry": {
        const { live } = places;
        const waiting = await waitingEvents(this.#source(), knowsMore(manager, live.notes));
        const chosen = runnable(waiting.events, RETRIES_MAX);
        return this.#writeLive(
          places,
          await this.#fold(chosen, (source, some) => foldWaiting(source, live, waiting, some)),
        );
      }
      case "react": {
        const records = await this.#readPage(places.live.at, true);
        if (!records) return { until: Infinity };
        if (records.length === 0) return "continue";
        return this.#writeLive(
          places,
          await this.#fold(records, (source, some) => foldPageOf(source, places.live, some, places.head)),
        );
      }
      case "execute":
        return this.#execute(places);
    }
  }

  /** Reads a page. Null: the log does not contain the cursor. */
  async #readPage(at: Cursor | null, stopsAtUnknown: boolean): Promise<readonly CommitRecord[] | null> {
    const { store, manager, onDiverged, unknown, env } = this.#context;
    const page = await store.read(this.#log, at, PAGE);
    if (page.kind === "diverged") onDiverged(this.#log, at);
    if (page.kind !== "page") return null;
    const { records, damage } = recordsIn(this.#log, page.records);
    if (damage && !stopsAtUnknown) throw damage;
    if (damage) [this.#damage, this.#isBeforeUnknown] = [damage, true];
    const first = stopsAtUnknown ? records.findIndex((record) => isUnknownTo(manager, record)) : -1;
    const [next] = records;
    if (first < 0 || !next) return records;
    if (first > 0) return records.slice(0, first);
    // A node with newer code folds the event. After a minute without one, this node parks it.
    if (unknown.hasWaited(`${this.#log} ${manager.follower}`, next.position, env.now())) return records;
    this.#isBeforeUnknown = true;
    return [];
  }

  async #build(places: ProcessPlaces, isNew: boolean): Promise<StepEnd> {
    const { live, beside } = places;
    const { manager } = this.#context;
    const from = isNew ? { revision: beside.revision, at: null, notes: emptyNotes(manager) } : beside;
    const page = await this.#readPage(from.at, false);
    if (!page) return { until: Infinity };
    // The older code stops at its cursor, and this code reacts from there on. A lost cursor may be inside of a record.
    const records = page.filter((record) => cursorOf(record).position <= positionOf(live.at));
    if (!isNew && records.length === 0) {
      // A restore removed the cursor of the older code, so that this code cannot come to it.
      this.#context.onDiverged(this.#log, live.at);
      return { until: Infinity };
    }
    const folded = await this.#fold(records, (source, some) => foldBeside(source, live, from, some));
    const tables = isNew ? mapped(FOLDED_TABLES, "new") : FOLDED_TABLES;
    const next = { at: folded.at, text: JSON.stringify(folded.notes), wake: null, tables };
    // The live revision is checked too, so that both folds leave out the same events.
    const followers: FollowerWrite[] = [
      { name: manager.beside, revision: beside.revision, next },
      { name: manager.follower, revision: live.revision, next: "check" },
    ];
    return this.#write(places, followers, folded.rows, folded.errors);
  }

  async #swap(places: ProcessPlaces): Promise<StepEnd> {
    const { live, beside, head } = places;
    const { manager, env } = this.#context;
    const { waiting, parkedCount, identity, release } = beside.notes;
    // Events that older code parked as unknown were left to it. So this code retries them after the swap.
    const hasUnread = waiting > 0 && live.notes.hasUnknown && live.notes.domain < beside.notes.domain;
    const isAtHead = positionOf(live.at) === positionOf(head);
    const notes: ProcessNotes = {
      ...live.notes,
      identity,
      release,
      waiting,
      parkedCount,
      hasUnknown: beside.notes.hasUnknown || hasUnread,
      domain: hasUnread ? live.notes.domain : beside.notes.domain,
      movedAt: env.now(),
      phase: isAtHead ? "ready" : "building",
    };
    const tables = { ...LIVE_TABLES, ...mapped(FOLDED_TABLES, { from: manager.beside }) };
    const next = { at: live.at, text: JSON.stringify(notes), wake: wakeOf(notes), tables };
    const followers: FollowerWrite[] = [
      { name: manager.follower, revision: live.revision, next },
      { name: manager.beside, revision: beside.revision, next: null },
    ];
    const end = await this.#write(places, followers, [], []);
    await this.#sweep();
    return end;
  }

  async #execute(places: ProcessPlaces): Promise<StepEnd> {
    const { env, closing, turn } = this.#context;
    const mayContinue = (): boolean => !closing.aborted && this.#lease.isFresh() && turn?.isOver !== true;
    const batch = { ...this.#context, log: this.#log, mayContinue, isClosing: () => closing.aborted };
    const executed = await executeBatch(batch, places);
    if (executed) return this.#writeLive(places, executed);
    // Timers wait for events, and this node cannot read these.
    return this.#isBeforeUnknown ? { until: env.now() + UNKNOWN_LOOK_MS } : "continue";
  }

  #writeLive(places: ProcessPlaces, { at, notes, rows, errors }: FoldedEvents): Promise<StepEnd> {
    const { manager } = this.#context;
    const { live } = places;
    const next = { at, text: JSON.stringify(notes), wake: wakeOf(notes), tables: LIVE_TABLES };
    return this.#write(places, [{ name: manager.follower, revision: live.revision, next }], rows, errors);
  }

  async #write(
    places: ProcessPlaces,
    followers: readonly FollowerWrite[],
    rows: readonly RowChange[],
    errors: readonly unknown[],
  ): Promise<StepEnd> {
    const { modelStore, report } = this.#context;
    const { kind } = await modelStore.write(this.#log, { followers, rows: rows.filter(hasChanges) });
    if (kind === "absent" || kind === "gone") return { until: Infinity };
    // After `moved` another node or an operator was faster, and the next step begins with the new places.
    this.#refused = kind === "moved" ? revisionsOf(places) : "";
    if (kind === "ok") for (const error of errors) report(error);
    return "continue";
  }

  async #sweep(): Promise<void> {
    while (await this.#context.modelStore.sweep(SWEEP_ROWS)) await this.#context.env.nextTurn();
  }

  /** Folds these records or events. If all of them need or change too many rows, it folds only the first ones. */
  #fold<Item>(
    items: readonly Item[],
    fold: (source: FoldSource, some: readonly Item[]) => Promise<FoldedEvents>,
  ): Promise<FoldedEvents> {
    return workThatFits(items, async (some, few) => {
      const folded = await fold(this.#source(few), some);
      const fits = recordsThatFit(some.length, sizeOf(folded));
      if (fits < some.length) throw new TooManyRows(fits / some.length);
      return folded;
    });
  }

  #source(few = false): FoldSource {
    const { store, modelStore: models, manager, env } = this.#context;
    return { store, models, log: this.#log, manager, now: env.now(), few };
  }
}

function revisionsOf({ live, beside }: ProcessPlaces): string {
  return `${live.revision} ${beside.revision}`;
}

function mapped(tables: Readonly<Record<string, unknown>>, change: TableChange): Record<string, TableChange> {
  return Object.fromEntries(Object.keys(tables).map((name) => [name, change]));
}

function hasChanges({ set, remove }: RowChange): boolean {
  return set.length + remove.length > 0;
}

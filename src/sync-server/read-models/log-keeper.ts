/**
 * Keeps the read models of one log: reads a page, folds it, writes rows and cursor together, until the head.
 *
 * Guarantees (model-keepers.test.ts, read-models.on-a-server.test.ts):
 * - Each write names the revisions that it was computed on. If another node was faster, the keeper reads again.
 * - A crash between two steps leaves rows of one cursor (M2).
 * - A long fold lets the other work of the server continue after each page.
 */
import { type CommitRecord, type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";
import type { LogName } from "../../core/values/ids.ts";
import type { Env } from "../base/env.ts";
import { parkedEvents } from "../base/parked-error.ts";
import type { EventStore } from "../stores/event-store.ts";
import type { ModelStore, ModelWriteResult } from "../stores/model-store.ts";
import { Lease } from "../subscribers/lease.ts";
import { isUnknownTo } from "./fold-page.ts";
import { compareTask, type Reach } from "./compare-task.ts";
import { NONE_REFUSED } from "./fold-sql.ts";
import { type FoldedTask, foldTask, resetTask } from "./fold-task.ts";
import type { FoldWork, KeeperPace } from "./keeper-pace.ts";
import { notesOf } from "./follower-notes.ts";
import { type FoldTask, nextStep, type ReadFollower, type Step } from "./next-step.ts";
import { eventsIn, foldableRecord, upTo, upToEvent } from "./page-records.ts";
import type { ReadModel } from "./read-model.ts";
import type { UnknownEvents } from "./unknown-events.ts";
import { recordsThatFit, sizeOf } from "./write-size.ts";

export type KeeperContext = {
  readonly store: EventStore;
  readonly modelStore: ModelStore;
  readonly models: readonly ReadModel[];
  readonly env: Env;
  readonly pace: KeeperPace;
  /** The name of this node for leases. */
  readonly node: () => string;
  /** True: the keeper ends after its step. */
  readonly isClosed: () => boolean;
  /** Called after each write of rows. */
  readonly onMoved: (log: LogName) => void;
  readonly report: (error: unknown) => void;
};

/** One page is a few milliseconds of work, because `node:sqlite` and folding block the other work of the process. */
const PAGE_BYTES = 1024 * 1024;
/** Steps before the keepers of other logs get their turn. */
const STEPS_MAX = 20;
const SWEEP_ROWS = 1_000;

/** The part of the work of a step that a page of records makes. */
type FoldedPage = Pick<FoldWork, "events" | "size">;
const NOTHING_FOLDED: FoldedPage = { events: 0, size: 0 };

export class LogKeeper {
  readonly #context: KeeperContext;
  readonly #log: LogName;
  /** The leases of followers that this node requested. */
  readonly #leases = new Map<string, Lease>();
  readonly #unknown: UnknownEvents;
  constructor(context: KeeperContext, log: LogName, unknown: UnknownEvents) {
    this.#context = context;
    this.#log = log;
    this.#unknown = unknown;
  }

  /** Runs steps, and returns the time of the next ones. Now: other logs have their turn. Infinity: after a poke. */
  async run(): Promise<number> {
    const skipped = new Set<string>();
    const { models, modelStore, env, pace } = this.#context;
    try {
      for (let steps = 0; steps < STEPS_MAX && !this.#context.isClosed(); steps++) {
        const found = await modelStore.followers(this.#log);
        if (found.kind !== "open") return Infinity;
        const { followers, head } = found;
        const step = nextStep({ models, followers, head, now: env.now(), skipped, ...pace.factsOf(this.#log) });
        if (step.kind === "sleep") {
          pace.forget(this.#log);
          return Infinity;
        }
        if (step.kind === "rest") return pace.restUntil(this.#log);
        const startedAt = env.now();
        const folded = await this.#take(step, skipped);
        if (step.kind === "compare") pace.compared(this.#log);
        if (step.kind === "fold")
          pace.folded(this.#log, step, { ...folded, ms: env.now() - startedAt, head: positionOf(head) });
        await env.nextTurn();
      }
      return env.now();
    } finally {
      await this.#returnLeases();
    }
  }

  async #take(step: Exclude<Step, { kind: "sleep" | "rest" }>, skipped: Set<string>): Promise<FoldedPage> {
    const { modelStore } = this.#context;
    switch (step.kind) {
      case "fold": {
        const tasks = step.isLong ? await this.#leased(step.tasks, skipped) : step.tasks;
        return tasks.length > 0 ? this.#fold(step.at, tasks, skipped) : NOTHING_FOLDED;
      }
      case "compare": {
        const reach: Reach = (task, read) => this.#reach(task, read, skipped);
        const write = await compareTask(this.#context, this.#log, step.task, reach);
        const result = write && (await modelStore.write(this.#log, write));
        if (result?.kind !== "ok") return NOTHING_FOLDED;
        // The end of a comparison orphans the tables beside.
        this.#context.pace.hasOrphans = true;
        this.#context.onMoved(this.#log);
        return NOTHING_FOLDED;
      }
      case "remove": {
        const followers = step.followers.map(({ name, revision }) => ({ name, revision, next: null }));
        await modelStore.write(this.#log, { followers, rows: [] });
        this.#context.pace.hasOrphans = true;
        return NOTHING_FOLDED;
      }
      case "sweep":
        this.#context.pace.hasOrphans = await modelStore.sweep(SWEEP_ROWS);
        return NOTHING_FOLDED;
    }
  }

  async #fold(at: Cursor | null, tasks: readonly FoldTask[], skipped: Set<string>): Promise<FoldedPage> {
    const { store, pace } = this.#context;
    const page = await store.read(this.#log, at, { events: pace.pageEvents(this.#log), bytes: PAGE_BYTES });
    if (page.kind === "diverged") {
      await this.#reset(tasks);
      for (const { model } of tasks) skipped.delete(model.beside);
    }
    if (page.kind !== "page") return NOTHING_FOLDED;
    const records = page.records.map((stored) => foldableRecord(this.#log, stored));
    const known = tasks.map((task) => ({
      task,
      records: upTo(task, this.#knownRecords(task, records, skipped)),
    }));
    // These rows cannot come to the cursor of the others, because a restore removed it. So the others have their turn.
    for (const { task, records: some } of known) if (task.compares && some.length === 0) skipped.add(task.name);
    const ready = known.filter(
      ({ task, records: some }) => some.length > 0 || (records.length === 0 && !task.compares),
    );
    if (ready.length === 0) return NOTHING_FOLDED;
    const folded = await this.#writeFolds(ready, page.head);
    // After `moved` the next step reads the followers again.
    if (!folded) return NOTHING_FOLDED;
    if (tasks.some(({ notes, revision, replaces }) => replaces || (notes === null && revision > 0)))
      this.#context.pace.hasOrphans = true;
    this.#context.onMoved(this.#log);
    return folded;
  }

  /** Folds rows that are compared up to the cursor of the rows that are read. Null: another writer was faster. */
  async #reach(task: FoldTask, read: ReadFollower, skipped: Set<string>): Promise<FoldTask | null> {
    for (let reached = { ...task, compares: read }; ;) {
      if (sameCursor(reached.at, read.at)) return reached;
      const { events } = await this.#fold(reached.at, [reached], skipped);
      const found = events > 0 && (await this.#context.modelStore.followers(this.#log));
      const follower = found && found.kind === "open" ? found.followers.find(({ name }) => name === task.name) : null;
      if (follower?.revision !== reached.revision + 1) return null;
      reached = { ...reached, revision: follower.revision, at: follower.at, notes: notesOf(follower) };
    }
  }

  /** Folds and writes. Null: a follower moved. If the database refuses statements, a second write parks the events. */
  async #writeFolds(
    given: readonly { readonly task: FoldTask; readonly records: readonly CommitRecord[] }[],
    head: Cursor | null,
  ): Promise<FoldedPage | null> {
    let folds = given.map((one) => ({ ...one, refused: NONE_REFUSED }));
    for (;;) {
      const folded = await Promise.all(
        folds.map(({ task, ...facts }) => foldTask(this.#context, this.#log, task, { ...facts, head })),
      );
      const write = {
        followers: folded.flatMap(({ followers }) => followers),
        rows: folded.flatMap(({ rows }) => rows),
        statements: folded.flatMap(({ statements }) => statements),
      };
      const size = sizeOf(write);
      const longest = Math.max(...folded.map(({ records }) => records.length));
      const fitting = recordsThatFit(longest, size);
      if (fitting < longest) {
        folds = folds.map((fold) => ({ ...fold, records: fold.records.slice(0, fitting) }));
        continue;
      }
      const result: ModelWriteResult = await this.#context.modelStore.write(this.#log, write);
      if (result.kind === "ok") {
        for (const [n, { task }] of folds.entries()) if (folded[n]) this.#report(task.model, folded[n]);
        return { events: Math.max(...folded.map(({ records }) => eventsIn(records))), size };
      }
      if (result.kind !== "vetoed") return null;
      const refused = [result, ...(result.others ?? [])];
      folds = folds.map((fold) => {
        const own = refused.filter(({ follower }) => isTaskOf(fold.task, follower));
        if (own.length === 0) return fold;
        // Without `others`, the store found one event. The next ones are tried after it is parked.
        const records = result.others ? fold.records : upToEvent(fold.records, result.event);
        return {
          ...fold,
          records,
          refused: new Map([...fold.refused, ...own.map((one) => [one.event, one] as const)]),
        };
      });
    }
  }

  #report({ name }: ReadModel, { parked, stopped }: FoldedTask): void {
    for (const error of parkedEvents({ kind: "model", name, log: this.#log }, parked)) this.#context.report(error);
    if (stopped) this.#context.report(stopped);
  }

  /**
   * The records up to the first event that this code does not know. A node with newer code folds on from there. After a
   * minute without one, this node parks the event, because other rows should not wait for ever.
   */
  #knownRecords(
    { model, name }: FoldTask,
    records: readonly CommitRecord[],
    skipped: Set<string>,
  ): readonly CommitRecord[] {
    const first = records.findIndex((record) => isUnknownTo(model, record));
    const [next] = records;
    if (first !== 0 || !next) return first < 0 ? records : records.slice(0, first);
    if (this.#unknown.hasWaited(`${this.#log} ${name}`, next.position, this.#context.env.now())) return records;
    skipped.add(name);
    return [];
  }

  /** The log has another history than the rows, such as after a restore of a part. The rows are built again. */
  async #reset(tasks: readonly FoldTask[]): Promise<void> {
    const now = this.#context.env.now();
    const followers = tasks.map((task) => resetTask(task, now));
    await this.#context.modelStore.write(this.#log, { followers, rows: [] });
    this.#context.pace.hasOrphans = true;
  }

  /** The tasks whose lease this node has. The lease saves work. The revision alone makes the rows right. */
  async #leased(tasks: readonly FoldTask[], skipped: Set<string>): Promise<readonly FoldTask[]> {
    const leased: FoldTask[] = [];
    for (const task of tasks) {
      const { name: follower } = task;
      const lease = this.#leases.get(follower) ?? new Lease({ ...this.#context, log: this.#log, follower });
      this.#leases.set(follower, lease);
      if (await lease.hold()) leased.push(task);
      else skipped.add(follower);
    }
    return leased;
  }

  async #returnLeases(): Promise<void> {
    for (const lease of this.#leases.values()) await lease.giveBack();
    this.#leases.clear();
  }
}

/** True: the task writes the tables of the follower. Rows beside replace those of the model with their last write. */
function isTaskOf({ name, model, replaces }: FoldTask, follower: string): boolean {
  return follower === name || (replaces !== undefined && follower === model.follower);
}

/**
 * Starts, changes and observes the jobs of read models. Keepers do their work, on this node or on another.
 *
 * Guarantees (read-models.rebuild.test.ts, read-models.verbs.test.ts):
 * - A job is in the store before its verb resolves. From then on a crash of any node does not end it.
 * - A model has one job at a time.
 * - A deleted row stays absent until its model is built again.
 */
import type { Cursor } from "../../core/history/record.ts";
import type { LogName } from "../../core/values/ids.ts";
import { type Env, randomHex, wait } from "../base/env.ts";
import type { Follower, FollowerWrite, ModelStore, RowChange, TableChange } from "../stores/model-store.ts";
import type { Comparison } from "./compare-rows.ts";
import { emptyNotes, type FollowerNotes, type MissingRows, missingRows, nextOf, notesOf } from "./follower-notes.ts";
import {
  changedJob,
  type FormerJob,
  hasEnded,
  type JobNotes,
  type JobProgress,
  newJob,
  newVerification,
  progressOf,
} from "./job.ts";
import type { ModelKeepers } from "./model-keepers.ts";
import { type ReadModel, ROWS } from "./read-model.ts";
import { type FindFollower, type FoundFollower, writeAgain } from "./write-again.ts";

export type ModelJobsOptions = {
  readonly modelStore: ModelStore;
  readonly keepers: ModelKeepers;
  readonly env: Env;
};

/** Why a verb did nothing. `other-job`: another job of the model has not ended. `empty`: the log has no record. */
export type NotDone = "gone" | "empty" | "other-job" | MissingRows;

/** A job by its model. */
export type JobOf = { readonly model: ReadModel; readonly id: string };

/** The facts of a model in a log. */
export type ModelFacts = {
  readonly follower: Follower | undefined;
  readonly notes: FollowerNotes | null;
  /** Why there are no rows, if they are not ready. */
  readonly missing: MissingRows;
  readonly head: Cursor | null;
  /** The job beside: the one that runs, or the last one. */
  readonly job: JobFacts | null;
  /** The job before that one. */
  readonly former: JobFacts | null;
  /** The reason why the last run of the keeper failed on this node. Null: it did not fail. */
  readonly failure: string | null;
};

export type JobFacts = {
  readonly id: string;
  readonly at: Cursor | null;
  readonly progress: JobProgress;
  readonly comparison: Comparison | undefined;
};

/** Another node may do the work, so an observer also reads after this time. */
const READ_AGAIN_MS = 200;

export class ModelJobs {
  readonly #options: ModelJobsOptions;

  constructor(options: ModelJobsOptions) {
    this.#options = options;
  }

  /** Begins to build rows beside those that are read. If such a job is there already, it continues that one. */
  async rebuild(
    log: LogName,
    model: ReadModel,
    options: Pick<JobNotes, "onError" | "duty">,
  ): Promise<readonly JobOf[] | NotDone> {
    const id = this.#newId();
    return this.#start(log, (find) => {
      const started = this.#startOrContinue(find, model, newJob(id, options, lackingOf(find, model)));
      return started === "other-job" ? started : [started];
    });
  }

  /** Begins to build the rows of the models that are not ready, in one pass over the log. */
  async populate(
    log: LogName,
    models: readonly ReadModel[],
    options: Pick<JobNotes, "onError" | "duty">,
  ): Promise<readonly JobOf[] | NotDone> {
    const id = this.#newId();
    return this.#start(log, (find) => {
      const missing = models.filter((model) => notesOf(find(model.follower))?.phase !== "ready");
      const started = missing.map((model) =>
        this.#startOrContinue(find, model, { ...newJob(id, options, lackingOf(find, model)), isFirst: true }),
      );
      const jobs = started.flatMap((one) => (one === "other-job" ? [] : one));
      return jobs.length < started.length ? "other-job" : jobs;
    });
  }

  /** Begins to compare the rows that are read with those of the log. */
  async verify(log: LogName, model: ReadModel, duty: number | null): Promise<readonly JobOf[] | NotDone> {
    const id = this.#newId();
    return this.#start(log, (find) => {
      const notes = notesOf(find(model.follower));
      if (notes?.phase !== "ready") return missingRows(notes, notesOf(find(model.beside)));
      const started = this.#startOrContinue(find, model, newVerification(id, duty));
      return started === "other-job" ? started : [started];
    });
  }

  /** Removes all rows of a model, and ends its job. The model does not follow the log until it is populated. */
  async purge(log: LogName, model: ReadModel): Promise<"done" | NotDone> {
    const { modelStore, keepers } = this.#options;
    const purged = await writeAgain<"done">(modelStore, log, (find) => {
      const beside = find(model.beside) ?? { name: model.beside, revision: 0, at: null };
      const notes = notesOf(find(model.beside)) ?? emptyNotes(model.domain.version, this.#options.env.now());
      const job = notes.job && changedJob(notes.job, "cancel");
      // Also without a job, so that a verification that is about to begin reads again, and finds no rows.
      const ended = this.#write(model, beside, { ...notes, ...(job && { job }) }, null);
      return { result: "done", write: { followers: [...this.#purged(find, model), ended], rows: [] } };
    });
    keepers.noteOrphans();
    keepers.poke(log);
    return purged;
  }

  /** Removes a row, and keeps it absent until the model is built again. */
  async delete(log: LogName, model: ReadModel, key: string): Promise<"done" | NotDone> {
    const { modelStore, keepers } = this.#options;
    const deleted = await writeAgain<"done" | MissingRows>(modelStore, log, (find) => {
      const [follower, beside] = [find(model.follower), find(model.beside)];
      const [notes, ofBeside] = [notesOf(follower), notesOf(beside)];
      if (!follower || !notes || notes.phase === "purged") return { result: missingRows(notes, ofBeside) };
      // Rows that are being built beside would bring the row back.
      const isBuilt = beside && ofBeside?.job && !hasEnded(ofBeside.job);
      const ofJob = isBuilt
        ? this.#write(model, beside, { ...ofBeside, hasDeleted: true }, "keep")
        : unchanged(model, beside);
      const followers = [this.#write(model, follower, { ...notes, hasDeleted: true }, "keep"), ofJob];
      const changed = followers.filter(({ next }) => next !== "check");
      const rows = changed.map(({ name }): RowChange => ({
        follower: name,
        table: ROWS,
        set: [[key, null]],
        remove: [],
      }));
      return { result: "done", write: { followers, rows } };
    });
    keepers.poke(log);
    return deleted;
  }

  /** Pauses, resumes or cancels a job. An ended job stays as it is. */
  async change(log: LogName, { model, id }: JobOf, verb: "pause" | "resume" | "cancel"): Promise<void> {
    const { env, keepers, modelStore } = this.#options;
    await writeAgain<null>(modelStore, log, (find) => {
      const follower = find(model.beside);
      const notes = notesOf(follower);
      const job = notes?.job?.id === id ? changedJob(notes.job, verb) : null;
      if (!follower || !notes || !job) return { result: null };
      const next = { ...notes, movedAt: env.now(), job };
      const followers = [this.#write(model, follower, next, verb === "cancel" ? null : "keep")];
      return { result: null, write: { followers, rows: [] } };
    });
    if (verb === "cancel") keepers.noteOrphans();
    keepers.poke(log);
  }

  /** The facts of a model. Null: the log was deleted. */
  async facts(log: LogName, model: ReadModel): Promise<ModelFacts | null> {
    const found = await this.#options.modelStore.followers(log);
    if (found.kind === "gone") return null;
    const { followers, head } = found.kind === "open" ? found : { followers: [], head: null };
    const find = (name: string) => followers.find((follower) => follower.name === name);
    const [follower, beside] = [find(model.follower), find(model.beside)];
    const notes = notesOf(beside);
    const { former } = notes?.job ?? {};
    // A full store cannot keep the reason.
    const failure = this.#options.keepers.failureOf(log);
    const current =
      notes?.job && jobFactsOf({ job: notes.job, at: beside?.at ?? null, parked: notes.parkedCount }, head);
    const job =
      current && notes.job.state === "running" && failure
        ? { ...current, progress: { ...current.progress, lastError: failure } }
        : current;
    const own = notesOf(follower);
    return {
      follower,
      notes: own,
      missing: missingRows(own, notes),
      head,
      job: job ?? null,
      former: former ? jobFactsOf(former, head) : null,
      failure,
    };
  }

  /** Resolves after the rows of the log changed, or after a moment. False: the server was closed. */
  async changed(log: LogName): Promise<boolean> {
    const { keepers, env } = this.#options;
    if (keepers.isClosed) return false;
    await keepers.changed(log, READ_AGAIN_MS);
    // A change may come at once and often, and each costs a read of the store.
    await wait(env, 10);
    return true;
  }

  #newId(): string {
    return randomHex(this.#options.env, 8);
  }

  async #start(
    log: LogName,
    decide: (find: FindFollower) => readonly (JobOf & { readonly writes: readonly FollowerWrite[] })[] | NotDone,
  ): Promise<readonly JobOf[] | NotDone> {
    const { modelStore, keepers } = this.#options;
    const started = await writeAgain<readonly JobOf[] | NotDone>(modelStore, log, (find) => {
      const result = decide(find);
      const followers = typeof result === "string" ? [] : result.flatMap(({ writes }) => writes);
      return { result, ...(followers.length > 0 && { write: { followers, rows: [] } }) };
    });
    keepers.poke(log);
    return started;
  }

  /** The job of a model that is there and of the same kind, resumed, or a new one. */
  #startOrContinue(
    find: FindFollower,
    model: ReadModel,
    started: JobNotes,
  ): (JobOf & { readonly writes: readonly FollowerWrite[] }) | "other-job" {
    const follower = find(model.beside);
    const notes = notesOf(follower);
    const { now } = this.#options.env;
    if (!follower || !notes?.job || hasEnded(notes.job)) {
      const job = notes?.job
        ? { ...started, former: formerOf(notes.job, follower?.at ?? null, notes.parkedCount) }
        : started;
      const next = nextOf(model, null, emptyNotes(model.domain.version, now(), job), "new");
      return { model, id: started.id, writes: [{ name: model.beside, revision: follower?.revision ?? 0, next }] };
    }
    if ((notes.job.comparison === undefined) !== (started.comparison === undefined)) return "other-job";
    const job = changedJob(notes.job, "resume");
    const writes = job ? [this.#write(model, follower, { ...notes, movedAt: now(), job }, "keep")] : [];
    return { model, id: notes.job.id, writes };
  }

  /** The write that removes the rows that are read. None: they are not there already. */
  #purged(find: FindFollower, model: ReadModel): readonly FollowerWrite[] {
    const follower = find(model.follower);
    if (notesOf(follower)?.phase === "purged") return [];
    const notes: FollowerNotes = { ...emptyNotes(model.domain.version, this.#options.env.now()), phase: "purged" };
    return [
      { name: model.follower, revision: follower?.revision ?? 0, next: nextOf(model, null, notes, "new", "show") },
    ];
  }

  /** The next notes of a follower at the same cursor. Null: it keeps no table. */
  #write(
    model: ReadModel,
    { name, revision, at, isLost }: Pick<FoundFollower, "name" | "revision" | "at" | "isLost">,
    notes: FollowerNotes,
    change: TableChange | null,
  ): FollowerWrite {
    if (isLost && change === "keep") return { name, revision, next: nextOf(model, at, notes, "new") };
    return { name, revision, next: nextOf(model, at, notes, change, "keep") };
  }
}

/** The events that the rows of a model lack. */
function lackingOf(find: FindFollower, model: ReadModel): number {
  return notesOf(find(model.follower))?.parkedCount ?? 0;
}

function formerOf({ former: _former, ...job }: JobNotes, at: Cursor | null, parked: number): FormerJob {
  return { job, at, parked };
}

function jobFactsOf({ job, at, parked }: FormerJob, head: Cursor | null): JobFacts {
  return { id: job.id, at, progress: progressOf(job, at, head, parked), comparison: job.comparison };
}

/** Requires that no job begins before the write. Otherwise its rows would undo the verb. */
function unchanged({ beside: name }: ReadModel, beside: Follower | undefined): FollowerWrite {
  return { name, revision: beside?.revision ?? 0, next: "check" };
}

/**
 * Starts, changes and observes the jobs of read models. Keepers do their work, on this node or on another.
 *
 * Guarantees (read-models.rebuild.test.ts):
 * - A job is in the store before `rebuild` resolves. From then on a crash of any node does not end it.
 * - A model has one job at a time.
 */
import type { Cursor } from "../../core/history/record.ts";
import type { LogName } from "../../core/values/ids.ts";
import { type Env, randomHex, wait } from "../base/env.ts";
import type { Follower, FollowerNext, ModelStore } from "../stores/model-store.ts";
import { emptyNotes, type FollowerNotes, nextOf, notesOf } from "./follower-notes.ts";
import { changedJob, hasEnded, type JobNotes, type JobProgress, newJob, progressOf } from "./job.ts";
import type { ModelKeepers } from "./model-keepers.ts";
import type { ReadModel } from "./read-model.ts";

export type ModelJobsOptions = {
  readonly modelStore: ModelStore;
  readonly keepers: ModelKeepers;
  readonly env: Env;
};

/** A job, or why there is none. `empty`: the log has no record, so there is nothing to do. */
export type JobFound = { readonly kind: "job"; readonly id: string } | { readonly kind: "gone" | "empty" };

/** The facts of a model in a log. */
export type ModelFacts = {
  readonly follower: Follower | undefined;
  readonly notes: FollowerNotes | null;
  /** The job beside: the one that runs, or the last one. */
  readonly job: JobProgress | null;
  readonly head: Cursor | null;
};

/** Another node may do the work, so an observer also reads after this time. */
const READ_AGAIN_MS = 200;
/** Writes that another node overtook, before a call fails. */
const TRIES_MAX = 50;

export class ModelJobs {
  readonly #options: ModelJobsOptions;

  constructor(options: ModelJobsOptions) {
    this.#options = options;
  }

  /** Begins to build rows beside those that are read. If such a job is there already, it continues that one. */
  async rebuild(log: LogName, model: ReadModel, options: Pick<JobNotes, "onError" | "duty">): Promise<JobFound> {
    const { env, keepers } = this.#options;
    const id = randomHex(env, 8);
    const found = await this.#write(log, model, (notes, at) => {
      const job = notes?.job;
      if (job && !hasEnded(job)) {
        const resumed = changedJob(job, "resume");
        return resumed && notes
          ? { job: resumed, next: nextOf(at, { ...notes, movedAt: env.now(), job: resumed }, "keep") }
          : { job };
      }
      const started = newJob(id, options);
      return {
        job: started,
        next: nextOf(null, emptyNotes(model.domain.version, env.now(), started), "new"),
      };
    });
    keepers.poke(log);
    return found;
  }

  /** Pauses, resumes or cancels a job. An ended job stays as it is. */
  async change(log: LogName, model: ReadModel, id: string, verb: "pause" | "resume" | "cancel"): Promise<void> {
    const { env, keepers } = this.#options;
    await this.#write(log, model, (notes, at) => {
      const job = notes?.job;
      const changed = job && job.id === id ? changedJob(job, verb) : null;
      if (!notes || !changed) return null;
      const next = nextOf(at, { ...notes, movedAt: env.now(), job: changed }, verb === "cancel" ? null : "keep");
      return { job: changed, next };
    });
    if (verb === "cancel") keepers.noteOrphans();
    keepers.poke(log);
  }

  /** The progress of a job. Null: the log was deleted, or a later job took its place. */
  async progress(log: LogName, model: ReadModel, id: string): Promise<JobProgress | null> {
    const facts = await this.facts(log, model);
    return facts?.id === id ? facts.job : null;
  }

  /** The facts of a model. Null: the log was deleted. */
  async facts(log: LogName, model: ReadModel): Promise<(ModelFacts & { readonly id: string | null }) | null> {
    const found = await this.#options.modelStore.followers(log);
    if (found.kind === "gone") return null;
    const { followers, head } = found.kind === "open" ? found : { followers: [], head: null };
    const find = (name: string) => followers.find((follower) => follower.name === name);
    const [follower, beside] = [find(model.follower), find(model.beside)];
    const ofBeside = notesOf(beside);
    const job = ofBeside?.job && progressOf(ofBeside.job, beside?.at ?? null, head, ofBeside.parkedCount);
    return { follower, notes: notesOf(follower), job: job ?? null, head, id: ofBeside?.job?.id ?? null };
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

  /** Writes the follower beside, again if another node was faster. `decide` returns null if no job is to be changed. */
  async #write(
    log: LogName,
    model: ReadModel,
    decide: (
      notes: FollowerNotes | null,
      at: Cursor | null,
    ) => { readonly job: JobNotes; readonly next?: FollowerNext } | null,
  ): Promise<JobFound> {
    const { modelStore } = this.#options;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const found = await modelStore.followers(log);
      if (found.kind === "gone") return { kind: "gone" };
      if (found.kind === "absent" || found.head === null) return { kind: "empty" };
      const follower = found.followers.find(({ name }) => name === model.beside);
      const decided = decide(notesOf(follower), follower?.at ?? null);
      if (!decided) return { kind: "empty" };
      const { job, next } = decided;
      if (!next) return { kind: "job", id: job.id };
      const write = {
        name: model.beside,
        revision: follower?.revision ?? 0,
        next,
      };
      const result = await modelStore.write(log, { followers: [write], rows: [] });
      if (result.kind === "ok") return { kind: "job", id: job.id };
    }
    throw new Error(`The job of ${model.name} in the log ${log} could not be written, because it moved each time`);
  }
}

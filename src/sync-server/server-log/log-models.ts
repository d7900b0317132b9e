/** The read models of one log, as the code of the server and its operators see them. */
import type { AnyProjection, RowOf } from "../../core/domain/handle-types.ts";
import type { ParkedEvent } from "../read-models/follower-notes.ts";
import type { JobOptions, ModelJob } from "./model-job.ts";
import type { ModelDetails, ModelStatus, Verified } from "./model-status.ts";
import type { ReplayOptions, ReplayRange } from "./replay.ts";
import type { RetriedEvent } from "./retry-parked.ts";
import type { ScratchRows } from "./scratch.ts";

/** The read models of a log: `server.log(name).models`. Each call takes a model of the server, or its name. */
export type LogModels = {
  /**
   * Returns the models of the server, with their state in this log.
   *
   * @example
   * for (const { name, phase, behind } of await server.log("team-7").models.list()) console.log(name, phase, behind);
   *
   * @throws DacapoError (`gone`) if the log was deleted.
   */
  readonly list: () => Promise<readonly ModelStatus[]>;
  /**
   * Returns the state of one model, with the result of its last comparison.
   *
   * @example
   * const { phase, job, verified } = await server.log("team-7").models.status("board");
   *
   * @throws DefinitionError (`definition`) if the server does not have this model.
   * @throws DacapoError (`gone`) if the log was deleted.
   */
  readonly status: (model: AnyProjection | string) => Promise<ModelDetails>;
  /**
   * Returns the job of a model that has not ended, or null. It may have been started elsewhere.
   *
   * @example
   * await (await server.log("team-7").models.job(board))?.pause();
   */
  readonly job: (model: AnyProjection | string) => Promise<ModelJob | null>;
  /**
   * Builds the rows of a model again, beside those that are read. Readers get the old rows until one write replaces
   * them all. If such a job is there already, it continues that one.
   *
   * @example
   * const onProgress = ({ done, of }) => console.log(`${done} of ${of}`);
   * const job = await server.log("team-7").models.rebuild(board, { onProgress });
   * const { phase, parked } = await job.finished();
   *
   * @throws DefinitionError (`definition`) if the server does not have this model.
   * @throws ValidationError (`invalid`) if an option is not valid.
   * @throws ConcurrencyError (`concurrency`) if another job of the model runs.
   * @throws DacapoError (`gone`) if the log was deleted.
   */
  readonly rebuild: (model: AnyProjection | string, options?: JobOptions) => Promise<ModelJob>;
  /**
   * Builds the rows of models that have none, in one pass over the log. A model that is ready stays as it is.
   *
   * @example
   * await (await server.log("team-7").models.populate([board, sales])).finished();
   *
   * @throws the errors of `rebuild`.
   */
  readonly populate: (
    models: AnyProjection | string | readonly (AnyProjection | string)[],
    options?: JobOptions,
  ) => Promise<ModelJob>;
  /**
   * Folds whole streams again into rows that are ready, in one write, and returns the events that could not be folded.
   * It is only for a model without a `key`, whose rows belong to one stream each. A deleted row comes back.
   *
   * @example
   * await server.log("team-7").models.populateStreams(board, ["task/t1"]);
   *
   * @throws DacapoError (`not-by-stream`) if a row may belong to several streams. Use `rebuild`.
   * @throws ValidationError (`invalid`) if there are not 1 to 1,000 streams.
   * @throws DacapoError (`rows-not-populated`, `rows-building`) if the rows are not ready, `gone` if the log was
   *   deleted.
   */
  readonly populateStreams: (
    model: AnyProjection | string,
    streams: readonly string[],
  ) => Promise<readonly ParkedEvent[]>;
  /**
   * Tries to fold a parked event again, such as after a new release. A model without a `key` folds the stream of the
   * event again at once. Any other model is built again, because the event changes the order of its rows.
   *
   * @example
   * const { outcome, job } = await server.log("team-7").models.retry(board, event);
   * await job?.finished();
   *
   * @throws ValidationError (`invalid`) if the event is not among the parked events.
   * @throws DacapoError (`rows-not-populated`, `rows-building`) if the rows are not ready, `gone` if the log was
   *   deleted.
   */
  readonly retry: (model: AnyProjection | string, event: string) => Promise<RetriedEvent>;
  /**
   * Removes all rows of a model. It does not follow the log until `populate` or `rebuild`, and readers get
   * `rows-not-populated`. The rows of a strong model stay, because its rule needs them: use `rebuild`.
   *
   * @example
   * await server.log("team-7").models.purge(board);
   *
   * @throws DefinitionError (`definition`) if the server does not have this model.
   * @throws ValidationError (`invalid`) if the model is strong.
   * @throws DacapoError (`gone`) if the log was deleted.
   */
  readonly purge: (model: AnyProjection | string) => Promise<void>;
  /**
   * Removes a row. Later events do not bring it back, until `rebuild`, or `purge` and `populate`. A new version of the
   * model and a restore of the log alone build its rows without the deletion.
   *
   * @example
   * await server.log("team-7").models.delete(board, "task/t1");
   *
   * @throws ValidationError (`invalid`) if the key is not valid.
   * @throws DacapoError (`rows-not-populated`, `rows-building`) if there are no rows, `gone` if the log was deleted.
   */
  readonly delete: (model: AnyProjection | string, key: string) => Promise<void>;
  /**
   * Compares the rows that are read with the rows that the log makes, while appends continue. Deleted rows are no
   * difference.
   *
   * @example
   * const { rows, differences } = await server.log("team-7").models.verify(board);
   * for (const { key, stored, folded } of differences) console.log(key, stored, folded);
   *
   * @throws ConcurrencyError (`concurrency`) if another job of the model runs.
   * @throws DacapoError (`rows-not-populated`, `rows-building`) if there are no rows, `gone` if the log was deleted.
   */
  readonly verify: <P extends AnyProjection>(
    model: P | string,
    options?: Pick<JobOptions, "duty" | "onProgress">,
  ) => Promise<Verified<RowOf<P>>>;
  /**
   * Begins the comparison of `verify`, and does not wait for it. `status` has the result.
   *
   * @example
   * await (await server.log("team-7").models.startVerify("board")).finished();
   *
   * @throws the errors of `verify`.
   */
  readonly startVerify: (
    model: AnyProjection | string,
    options?: Pick<JobOptions, "duty" | "onProgress">,
  ) => Promise<ModelJob>;
  /**
   * Returns the first 100 events that the rows of a model lack, because they could not be folded.
   *
   * @example
   * for (const { event, reason } of await server.log("team-7").models.parked(board)) console.log(event, reason);
   */
  readonly parked: (model: AnyProjection | string) => Promise<readonly ParkedEvent[]>;
  /**
   * Reads a range of the log into a function, and returns the number of its events. It changes no rows.
   *
   * @example
   * await server.log("team-7").models.replay({ after: 100, to: 200, into: (event) => console.log(event.type) });
   *
   * @throws ValidationError (`invalid`) if the range is not valid.
   * @throws DacapoError (`gone`) if the log was deleted, or `diverged` if it was restored meanwhile.
   */
  readonly replay: (options: ReplayOptions) => Promise<number>;
  /**
   * Folds a range of the log into rows in memory, and returns them. It changes no stored rows. The rows begin empty.
   *
   * @example
   * const { rows } = await server.log("team-7").models.replayIntoScratch(board, { after: 100, to: 200 });
   *
   * @throws ValidationError (`invalid`) if the range is not valid, or makes more than 64 MiB of rows.
   * @throws DacapoError (`gone`) if the log was deleted, or `diverged` if it was restored meanwhile.
   */
  readonly replayIntoScratch: <P extends AnyProjection>(
    model: P | string,
    range?: ReplayRange,
  ) => Promise<ScratchRows<RowOf<P>>>;
};

/** Folds streams and parked events of a read model again, for the code of the server. */
import { DacapoError, ValidationError } from "../../core/values/errors.ts";
import type { LogName } from "../../core/values/ids.ts";
import { aggregateOf, parseStream } from "../../core/values/names.ts";
import { invalid, requireText } from "../base/check-arguments.ts";
import { type FoldedStreams, foldStreams, type FoldStreamsContext } from "../read-models/fold-streams.ts";
import { missingRows, notesOf, type ParkedEvent } from "../read-models/follower-notes.ts";
import type { ReadModel } from "../read-models/read-model.ts";
import { gone } from "../base/gone.ts";
import { building, notNow, notPopulated } from "./log-errors.ts";
import type { ModelJob } from "./model-job.ts";

/** The result of a retry of a parked event. */
export type RetriedEvent = {
  /** `folded`: the rows contain the event. `parked`: it failed again. `rebuilding`: `job` builds all rows again. */
  readonly outcome: "folded" | "parked" | "rebuilding";
  /** The reason why it is parked again. */
  readonly reason: string | null;
  /** The job that builds the rows again, or null. */
  readonly job: ModelJob | null;
};

/** Streams of one write. */
const STREAMS_MAX = 1_000;

export async function populateStreams(
  context: FoldStreamsContext,
  log: LogName,
  model: ReadModel,
  streams: readonly string[],
): Promise<readonly ParkedEvent[]> {
  const what = "The streams cannot be folded again";
  const untyped: unknown = streams;
  if (!Array.isArray(untyped) || streams.length < 1 || streams.length > STREAMS_MAX)
    throw invalid(what, `there are not 1 to ${STREAMS_MAX}`);
  for (const stream of streams) {
    if (typeof stream !== "string") throw invalid(what, "a stream is not a text");
    const parsed = parseStream(stream);
    if (!parsed.ok) throw invalid(what, `${JSON.stringify(stream)} ${parsed.problem.reason}`);
    if (!model.projection.from.has(aggregateOf(stream)))
      throw invalid(what, `${model.name} does not fold the stream ${stream}`);
  }
  if (!model.projection.isByStream)
    throw new DacapoError("not-by-stream", "never", {
      message: `A row of ${model.name} may belong to several streams, so one stream cannot be folded alone`,
      fix: "Call `models.rebuild`.",
      details: { log, model: model.name },
    });
  const folded = await foldStreams(context, log, model, { streams, keepsDeleted: false });
  return folded.kind === "done" ? folded.parked : failed(log, model, folded.kind);
}

export async function retryParked(
  context: FoldStreamsContext,
  log: LogName,
  model: ReadModel,
  { event, rebuild }: { readonly event: string; readonly rebuild: () => Promise<ModelJob> },
): Promise<RetriedEvent> {
  requireText("The event cannot be retried", "event", event);
  const found = await context.modelStore.followers(log);
  if (found.kind === "gone") throw gone(log);
  const followers = found.kind === "open" ? found.followers : [];
  const [notes, beside] = [model.follower, model.beside].map((one) =>
    notesOf(followers.find(({ name }) => name === one)),
  );
  if (notes?.phase !== "ready") return failed(log, model, missingRows(notes ?? null, beside ?? null));
  const one = notes.parked.find((parked) => parked.event === event);
  if (!one)
    throw new ValidationError({
      message: `The event ${event} is not among the first parked events of ${model.name} in the log ${log}`,
      fix: "Read them with `parked`, or call `rebuild`.",
      details: { event, log },
    });
  if (!model.projection.isByStream || notes.parkedCount > notes.parked.length)
    return { outcome: "rebuilding", reason: null, job: await rebuild() };
  const folded = await foldStreams(context, log, model, { streams: [one.stream], keepsDeleted: true });
  if (folded.kind !== "done") return failed(log, model, folded.kind);
  const again = folded.parked.find((parked) => parked.event === event);
  return { outcome: again ? "parked" : "folded", reason: again?.reason ?? null, job: null };
}

function failed(log: LogName, model: ReadModel, kind: Exclude<FoldedStreams["kind"], "done">): never {
  switch (kind) {
    case "gone":
      throw gone(log);
    case "purged":
      throw notPopulated(log, model.name);
    case "building":
      throw building(log, model.name);
    case "too-many-parked":
      throw notNow(log, `${model.name} has more parked events than are named, so rebuild it`);
    case "moved":
      throw notNow(log, `other writers changed the rows of ${model.name} during each try`);
  }
}

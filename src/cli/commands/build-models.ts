/** `dacapo rebuild`, `populate`, `purge` and `verify-model`: the jobs of a read model. */
import type { Command } from "commander";
import { ConcurrencyError, DefinitionError, ValidationError } from "../../core/values/errors.ts";
import type { ModelJob } from "../../sync-server/server-log/model-job.ts";
import type { OperatedLog } from "../../sync-server/server-log/operated-log.ts";
import type { MakeCommand, Run } from "../base/command.ts";
import { EXIT, Exit } from "../base/exit-codes.ts";
import { followJob, type OperateOptions, operatorCommand, withLog } from "../base/operate.ts";
import { dutyOf, everyValue } from "../base/option-values.ts";
import { count, jsonOf, type Output, printable } from "../base/output.ts";

type JobCommandOptions = OperateOptions & {
  readonly duty?: string;
  readonly onError?: string;
  readonly pause?: true;
  readonly cancel?: true;
  readonly stream?: readonly string[];
};

const EXAMPLE = "--store sqlite:logs.db --config ./dacapo.config.ts";

export const rebuild: MakeCommand = (run) =>
  buildCommand(
    run,
    "rebuild",
    "Build the rows of a read model again, beside those that are read. After a crash, run the same command again.",
    (log, model, how) => log.models.rebuild(model, how),
  );

export const populate: MakeCommand = (run) =>
  buildCommand(
    run,
    "populate",
    "Build the rows of a read model that has none. A ready model stays as it is, except for the streams of --stream.",
    (log, model, how) => log.models.populate(model, how),
  ).option("--stream <stream>", "fold only this stream again into ready rows. It may be repeated", everyValue);

export const verifyModel: MakeCommand = ({ signal }) =>
  modelCommand("verify-model", "Compare the rows of a read model with those that the log makes.").action(
    (log: string, model: string, options: JobCommandOptions) =>
      withLog(
        options,
        log,
        async (operated, output) => {
          if (await endJob(operated, model, options, output)) return;
          const job = await operated.models.startVerify(model, dutyOf(options.duty));
          const { phase } = await followJob(job, model, output, signal);
          const { verified } = await operated.models.status(model);
          if (phase !== "done" || !verified) throw ended(model, phase, null);
          const { rows, differences, more, at } = verified;
          const found = `${count(differences.length, "difference")}${more ? " and more" : ""}`;
          await output.result(`${model}: ${count(rows, "row")}, ${found}, as of ${at ?? "the beginning"}.`, {
            model,
            ...verified,
            ok: differences.length === 0,
          });
          for (const { key, stored, folded } of differences)
            output.remark(printable(`  ${key}: stored ${JSON.stringify(stored)}, folded ${JSON.stringify(folded)}`));
          if (differences.length > 0) throw new Exit(EXIT.refused);
        },
        { works: true },
      ),
  );

export const purge: MakeCommand = () =>
  operatorCommand(
    "purge",
    "Remove all rows of a read model. It does not follow the log until `populate` or `rebuild`.",
    `dacapo purge team-7 tasks ${EXAMPLE} --yes`,
  )
    .argument("<model>", "the model")
    .option("--yes", "remove them. Without this option the command only says what it would remove")
    .action((log: string, model: string, options: OperateOptions & { readonly yes?: true }) =>
      withLog(options, log, async (operated, output) => {
        const { phase } = await operated.models.status(model);
        if (!options.yes)
          throw new DefinitionError({
            message: `This would remove all rows of ${model} in the log ${log}, whose phase is ${phase}`,
            fix: "Pass --yes to remove them. Readers then get `rows-not-populated`.",
          });
        await operated.models.purge(model);
        await output.result(`Purged ${model}.`, { log, model, purged: true });
      }),
    );

type BuildOptions = { readonly onError: "park" | "stop"; readonly duty?: number };

function modelCommand(name: string, description: string): Command {
  return operatorCommand(name, description, `dacapo ${name} team-7 tasks ${EXAMPLE}`)
    .argument("<model>", "the model")
    .option("--duty <share>", "the share of the time in which this command works, above 0 and at most 1 (default: 1)")
    .option("--pause", "pause the job of the model, and end. The same command without it continues")
    .option("--cancel", "end the job of the model. The rows that are read stay");
}

function buildCommand(
  { signal }: Run,
  name: string,
  description: string,
  begin: (log: OperatedLog, model: string, how: BuildOptions) => Promise<ModelJob>,
): Command {
  return modelCommand(name, description)
    .option("--on-error <way>", "park: pass over an event that cannot be folded. stop: stop before it (default: park)")
    .action((log: string, model: string, options: JobCommandOptions) => {
      const how: BuildOptions = { onError: onErrorOf(options), ...dutyOf(options.duty) };
      return withLog(
        options,
        log,
        async (operated, output) => {
          if (await endJob(operated, model, options, output)) return;
          if (options.stream) return foldStreams(operated, model, options.stream, output);
          const { phase, lastError } = await followJob(await begin(operated, model, how), model, output, signal);
          const status = await operated.models.status(model);
          if (phase !== "done") throw ended(model, phase, lastError);
          const { at, parked } = status;
          await output.result(
            `The rows of ${model} contain the log up to ${at ?? "the beginning"}. ${count(parked, "event")} parked.`,
            { model, phase: status.phase, at, parked },
          );
        },
        { works: !options.pause && !options.cancel && !options.stream },
      );
    });
}

async function foldStreams(
  { models }: OperatedLog,
  model: string,
  streams: readonly string[],
  output: Output,
): Promise<void> {
  const parked = await models.populateStreams(model, streams);
  const line = `${model}: ${count(streams.length, "stream")} folded again, ${count(parked.length, "event")} parked.`;
  await output.result(line, jsonOf({ model, streams, parked }));
  for (const { event, reason } of parked) output.remark(printable(`${event} cannot be folded: ${reason}`));
}

/** Pauses or cancels the job if the options say so. */
async function endJob(
  { models }: OperatedLog,
  model: string,
  { pause, cancel }: JobCommandOptions,
  output: Output,
): Promise<boolean> {
  if (!pause && !cancel) return false;
  if (pause && cancel)
    throw new DefinitionError({ message: "--pause and --cancel exclude each other", fix: "Pass one." });
  const job = await models.job(model);
  if (!job)
    throw new ValidationError({ message: `The model ${model} has no job`, fix: "`dacapo models` lists the jobs." });
  await (pause ? job.pause() : job.cancel());
  const { phase, done, of } = await job.progress();
  await output.result(`The job of ${model} is ${phase}.`, { model, phase, done, of });
  return true;
}

function ended(model: string, phase: string, lastError: string | null): ConcurrencyError {
  const reason = lastError === null ? "" : `: ${printable(lastError)}`;
  const isStopped = phase === "stopped";
  return new ConcurrencyError({
    message: `The job of ${model} is ${phase}${reason}`,
    fix: isStopped ? "Fix the model or pass --on-error park, and run the command again." : "Run the command again.",
  });
}

function onErrorOf({ onError = "park" }: JobCommandOptions): "park" | "stop" {
  if (onError === "park" || onError === "stop") return onError;
  throw new DefinitionError({ message: `--on-error is ${onError}`, fix: "Pass park or stop." });
}

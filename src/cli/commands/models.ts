/** `dacapo models LOG`: the read models of a log, and the actions of an operator on their events and rows. */
import { DefinitionError } from "../../core/values/errors.ts";
import type { ModelStatus } from "../../sync-server/server-log/model-status.ts";
import type { OperatedLog } from "../../sync-server/server-log/operated-log.ts";
import type { MakeCommand, Run } from "../base/command.ts";
import { EXIT, Exit } from "../base/exit-codes.ts";
import { followJob, type OperateOptions, operatorCommand, withLog } from "../base/operate.ts";
import { count, jsonOf, type Output, printable, withCommas } from "../base/output.ts";

type Act = {
  readonly operated: OperatedLog;
  readonly model: string;
  readonly rest: readonly string[];
  readonly output: Output;
  readonly signal: AbortSignal;
};

const VERBS: Readonly<Record<string, (act: Act) => Promise<void>>> = {
  parked: async ({ operated, model, output }) => {
    const events = await operated.models.parked(model);
    for (const one of events) await output.result(printable(`${one.event}  ${one.stream}: ${one.reason}`), jsonOf(one));
    const { parked } = await operated.models.status(model);
    output.remark(`${count(parked, "event")} parked.`);
  },
  retry,
  delete: async ({ operated, model, rest, output }) => {
    const [key] = rest;
    if (key === undefined) throw wrong("delete needs the key of a row", `Pass a key of \`dacapo rows\`.`);
    await operated.models.delete(model, key);
    await output.result(printable(`Deleted the row ${key} of ${model}.`), { model, key, deleted: true });
  },
};

export const models: MakeCommand = ({ signal }: Run) =>
  operatorCommand(
    "models",
    "List the read models of a log with their jobs, or act on one: parked, retry, delete.",
    "dacapo models team-7 --store sqlite:logs.db --config ./dacapo.config.ts\n" +
      "dacapo models team-7 retry tasks --store sqlite:logs.db --config ./dacapo.config.ts",
  )
    .argument("[verb]", `${Object.keys(VERBS).join(", ")} (default: list the models)`)
    .argument("[model]", "the model")
    .argument("[rest...]", "for retry: the parked events (without them: all). For delete: the key of a row")
    .action(
      (
        log: string,
        verb: string | undefined,
        model: string | undefined,
        rest: readonly string[],
        options: OperateOptions,
      ) =>
        withLog(
          options,
          log,
          async (operated, output) => {
            if (verb === undefined) return list(await operated.models.list(), output);
            const act = VERBS[verb];
            if (!act) throw wrong(`There is no verb ${verb}`, `The verbs are ${Object.keys(VERBS).join(", ")}.`);
            if (model === undefined) throw wrong(`${verb} needs a model`, `Pass its name: ${verb} tasks.`);
            return act({ operated, model, rest, output, signal });
          },
          { works: verb === "retry" },
        ),
    );

async function list(all: readonly ModelStatus[], output: Output): Promise<void> {
  const rows = all.map((status) => ({ cells: cellsOf(status), value: jsonOf(status) }));
  await output.table(["model", "phase", "behind", "parked", "job"], rows);
  output.remark(all.length === 0 ? "The config has no models." : count(all.length, "model"));
}

function cellsOf({ name, phase, behind, parked, job }: ModelStatus): readonly (string | number)[] {
  const progress = job === null ? "" : `${job.kind} ${job.phase}, ${withCommas(job.done)} of ${withCommas(job.of)}`;
  return [name, phase, behind, parked, printable(job?.lastError ? `${progress}: ${job.lastError}` : progress)];
}

/** Tries parked events again. A rebuild tries all of them at once. */
async function retry({ operated, model, rest, output, signal }: Act): Promise<void> {
  const { models: calls } = operated;
  const events = rest.length > 0 ? rest : (await calls.parked(model)).map(({ event }) => event);
  for (const event of events) {
    const { job, reason } = await calls.retry(model, event);
    if (job) {
      await followJob(job, model, output, signal);
      break;
    }
    if (reason !== null) output.remark(printable(`${event} is parked again: ${reason}`));
  }
  const { phase, at, parked } = await calls.status(model);
  const still = new Set((await calls.parked(model)).map(({ event }) => event));
  const failed = events.filter((event) => still.has(event));
  const folded = count(events.length - failed.length, "event");
  const line = `${model}: ${folded} folded, ${count(failed.length, "event")} parked again.`;
  await output.result(line, { model, phase, at, parked, retried: events.length, failed });
  if (failed.length > 0) throw new Exit(EXIT.refused);
}

function wrong(message: string, fix: string): DefinitionError {
  return new DefinitionError({ message, fix });
}

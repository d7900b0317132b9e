/** The parts that the commands for read models, subscribers and processes share. */
import type { Command } from "commander";
import type { EventStore } from "../../sync-server/stores/event-store.ts";
import type { JobProgress } from "../../sync-server/read-models/job.ts";
import type { ModelJob } from "../../sync-server/server-log/model-job.ts";
import { splitSubscribers } from "../../sync-server/processes/process-manager.ts";
import { type OperatedLog, operateLog } from "../../sync-server/server-log/operated-log.ts";
import { command, requireLog, storeOption, type StoreOptions, withStore } from "./command.ts";
import { loadConfig, requireDomain } from "./load-module.ts";
import { type Output, withCommas } from "./output.ts";
import { Progress } from "./progress.ts";

export type OperateOptions = StoreOptions & { readonly domain?: string; readonly config?: string };

/** A command on one log, with the modules that the server has. */
export function operatorCommand(name: string, description: string, example: string): Command {
  return command(name, description, example)
    .argument("<log>", "the log")
    .addOption(storeOption())
    .option("--domain <file>", "the module that exports the domain, and maybe `models` and `subscribers`")
    .option("--config <file>", "the config of the server, which exports domain, models and subscribers");
}

/** Opens the store and the log, runs the command, and closes both, also after an error. */
export function withLog<Result>(
  options: OperateOptions,
  log: string,
  work: (operated: OperatedLog, output: Output) => Promise<Result>,
  { works = false }: { readonly works?: boolean } = {},
): Promise<Result> {
  return withStore(options, async (store, output) => {
    const operated = await open(store, log, options, works);
    try {
      return await work(operated, output);
    } finally {
      await operated.close();
    }
  });
}

async function open(store: EventStore, log: string, options: OperateOptions, works: boolean): Promise<OperatedLog> {
  const config = await loadConfig(options);
  const domain = requireDomain(config, options.config ?? options.domain).definition;
  await requireLog(store, log);
  const { models = [] } = config;
  const { subscribers, processes } = splitSubscribers(config.subscribers ?? []);
  // A keeper tries again by itself, and the progress of the job shows what stopped it.
  const report = (error: unknown): void => void process.stderr.write(`${String(error)}\n`);
  return operateLog({ domain, store, models, subscribers, processes, works, report }, log);
}

/** Follows a job to its end with its progress. A signal ends the command, and the job stays in the store. */
export async function followJob(
  job: ModelJob,
  model: string,
  output: Output,
  signal: AbortSignal,
): Promise<JobProgress> {
  const progress = new Progress(output);
  const aborted = new Promise<never>((_, reject) => {
    const end = (): void => reject(signal.reason instanceof Error ? signal.reason : new Error("stopped"));
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
  aborted.catch(() => {});
  const finished = job.finished((found) => {
    const { done, of, perSecond, parked } = found;
    const rate = perSecond === null ? "" : ` at ${withCommas(perSecond)} a second`;
    progress.report(`events of ${model}${rate}`, done, of, { model, perSecond, parked });
  });
  finished.catch(() => {});
  try {
    return await Promise.race([finished, aborted]);
  } finally {
    progress.clear();
  }
}

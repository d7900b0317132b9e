/** `dacapo models LOG`: the read models of a log. */
import type { MakeCommand } from "../base/command.ts";
import { type OperateOptions, operatorCommand, withLog } from "../base/operate.ts";
import { count, printable, table, withCommas } from "../base/output.ts";
import type { ModelStatus } from "../../sync-server/server-log/model-status.ts";

export const models: MakeCommand = () =>
  operatorCommand(
    "models",
    "List the read models of a log: whether they are ready, how far they are, and the progress of their jobs.",
    "dacapo models team-7 --store sqlite:logs.db --config ./dacapo.config.ts",
  ).action((log: string, options: OperateOptions) =>
    withLog(options, log, async (operated, output) => {
      const all = await operated.models.list();
      const lines = table([["model", "phase", "behind", "parked", "job"], ...all.map(rowOf)]);
      if (!output.isJson && all.length > 0) await output.write(`${lines[0]}\n`);
      for (const [n, status] of all.entries()) await output.result(lines[n + 1] ?? "", { ...status });
      output.remark(all.length === 0 ? "The config has no models." : count(all.length, "model"));
    }),
  );

function rowOf({ name, phase, behind, parked, job }: ModelStatus): readonly (string | number)[] {
  const progress = job === null ? "" : `${job.kind} ${job.phase}, ${withCommas(job.done)} of ${withCommas(job.of)}`;
  return [name, phase, behind, parked, printable(job?.lastError ? `${progress}: ${job.lastError}` : progress)];
}

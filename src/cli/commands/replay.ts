/** `dacapo replay LOG MODEL`: the rows that a range of the log makes, in memory. */
import type { ReplayRange } from "../../sync-server/server-log/replay.ts";
import type { MakeCommand } from "../base/command.ts";
import { type OperateOptions, operatorCommand, withLog } from "../base/operate.ts";
import { everyValue, wholeNumber } from "../base/option-values.ts";
import { count, cut, jsonOf, printable } from "../base/output.ts";

type ReplayOptions = OperateOptions & {
  readonly after?: string;
  readonly to?: string;
  readonly type?: readonly string[];
  readonly stream?: readonly string[];
};

export const replay: MakeCommand = () =>
  operatorCommand(
    "replay",
    "Fold a range of a log into rows in memory, and print them. Stored rows do not change.",
    "dacapo replay team-7 tasks --after 100 --to 200 --store sqlite:logs.db --config ./dacapo.config.ts",
  )
    .argument("<model>", "the model")
    .option("--after <position>", "only events behind this position (default: 0)")
    .option("--to <position>", "only events up to this position (default: the head)")
    .option("--type <type>", "only events of this type. It may be repeated", everyValue)
    .option("--stream <stream>", "only events of this stream, such as task/t1. It may be repeated", everyValue)
    .action((log: string, model: string, options: ReplayOptions) => {
      const range = rangeOf(options);
      return withLog(options, log, async (operated, output) => {
        const { rows, events, parked } = await operated.models.replayIntoScratch(model, range);
        for (const { key, row } of rows) {
          const line = printable(`${key}  ${JSON.stringify(row)}`);
          await output.result(cut(line, output.columns), jsonOf({ key, row }));
        }
        if (output.isJson) await output.result("", jsonOf({ replayed: { rows: rows.length, events, parked } }));
        for (const { event, reason } of parked) output.remark(printable(`${event} cannot be folded: ${reason}`));
        output.remark(`${count(rows.length, "row")} of ${count(events, "event")}.`);
      });
    });

function rangeOf({ after, to, type, stream }: ReplayOptions): ReplayRange {
  return {
    ...(after !== undefined && { after: wholeNumber("--after", after) }),
    ...(to !== undefined && { to: wholeNumber("--to", to) }),
    ...(type && { types: type }),
    ...(stream && { streams: stream }),
  };
}

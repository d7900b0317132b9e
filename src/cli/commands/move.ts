/** `dacapo move`: copies logs from one store to another, so that devices notice nothing. */
import { Option } from "commander";
import { DefinitionError } from "../../core/values/errors.ts";
import { moveLogs } from "../../sync-server/archive/move-logs.ts";
import { command, type CommonOptions, type MakeCommand } from "../base/command.ts";
import { EXIT, Exit } from "../base/exit-codes.ts";
import { isSameStore, openStore, shownUrl } from "../base/open-store.ts";
import { count, Output } from "../base/output.ts";
import { Progress } from "../base/progress.ts";

type MoveCommandOptions = CommonOptions & { readonly from: string; readonly to: string; readonly keepTargetId?: true };

export const move: MakeCommand = ({ signal }) =>
  command(
    "move",
    "Copy logs into another store: records, marks, versions, kept outcomes, dropped names and the server's id. " +
      "The source stays as it is. After a crash, run the same command again.",
    "dacapo move --from sqlite:logs.db --to postgres://dacapo@localhost/dacapo",
  )
    .argument("[logs...]", "the logs to move (default: all logs, and the names of dropped logs)")
    .addOption(new Option("--from <url>", "the store to read").env("DACAPO_FROM").makeOptionMandatory())
    .addOption(
      new Option("--to <url>", "the store to write, which is created if it is missing")
        .env("DACAPO_TO")
        .makeOptionMandatory(),
    )
    .option("--keep-target-id", "the target keeps its own server id, and each app must agree to the other server")
    .action(async (names: readonly string[], options: MoveCommandOptions) => {
      if (isSameStore(options.from, options.to))
        throw new DefinitionError({ message: "--from and --to are the same store", fix: "Pass two stores." });
      const output = new Output(options.json === true);
      const from = await openStore(options.from);
      try {
        const to = await openStore(options.to, { mayCreate: true });
        try {
          const progress = new Progress(output);
          const moved = await moveLogs(from, to, {
            ...(names.length > 0 && { logs: names }),
            keepsTargetId: options.keepTargetId === true,
            signal,
            onProgress: ({ log, logs, logsTotal, events, eventsTotal }) =>
              progress.report("events", events, eventsTotal, { log, logs, logsTotal }),
          }).finally(() => progress.clear());
          const { behind, logs, events, outcomes, dropped } = moved;
          const sizes = [count(logs, "log"), count(events, "event"), count(outcomes, "kept outcome")].join(", ");
          await output.result(
            `${shownUrl(options.to)} has ${sizes}${dropped > 0 ? `, and ${count(dropped, "dropped name")}` : ""}.`,
            { ...moved, isComplete: behind.length === 0 },
          );
          if (behind.length === 0) return;
          output.remark(
            `The source got new records of ${behind.slice(0, 5).join(", ")} meanwhile. ` +
              "Stop its server, and run the same command again.",
          );
          throw new Exit(EXIT.refused);
        } finally {
          await to.close();
        }
      } finally {
        await from.close();
      }
    });

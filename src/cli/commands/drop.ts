/** `dacapo drop LOG --yes`: deletes a log for good. */
import { DefinitionError } from "../../core/values/errors.ts";
import { LOG_NAME } from "../../core/history/limits.ts";
import { positionOf } from "../../core/history/record.ts";
import { dropLog } from "../../sync-server/archive/drop-log.ts";
import { command, type MakeCommand, requireLog, storeOption, type StoreOptions, withStore } from "../base/command.ts";
import { count } from "../base/output.ts";

type DropOptions = StoreOptions & { readonly yes?: true };

export const drop: MakeCommand = () =>
  command(
    "drop",
    "Delete a log for good. Its name stays taken, and devices get `gone`.",
    "dacapo drop team-7 --store sqlite:logs.db --yes",
  )
    .argument("<log>", "the log, or the name of an unfinished import")
    .addOption(storeOption())
    .option("--yes", "delete it. Without this option the command only says what it would delete")
    .action((log: string, options: DropOptions) =>
      withStore(options, async (store, output) => {
        await requireLog(store, log);
        const head = await store.head(log);
        const events = head.kind === "open" ? positionOf(head.cursor) : 0;
        if (!options.yes)
          throw new DefinitionError({
            message: `This would delete the log ${log} with ${count(events, "event")} for good`,
            fix: "Pass --yes to delete it. Export it before, if somebody may need it.",
          });
        await (LOG_NAME.test(log) ? dropLog(store, log) : store.drop(log));
        await output.result(`Dropped ${log} with ${count(events, "event")}.`, { log, events, dropped: true });
      }),
    );

/** `dacapo logs`: the logs of a store. */
import { LOG_NAME } from "../../core/history/limits.ts";
import { encodeCursor } from "../../core/history/record.ts";
import { command, type MakeCommand, storeOption, type StoreOptions, withStore } from "../base/command.ts";
import { count, printable } from "../base/output.ts";

type LogsOptions = StoreOptions & { readonly dropped?: true };

type Entry = {
  readonly log: string;
  readonly state: "open" | "importing" | "dropped";
  readonly events: number;
  readonly cursor: string | null;
};

export const logs: MakeCommand = () =>
  command("logs", "List the logs of a store, with their number of events.", "dacapo logs --store sqlite:logs.db")
    .addOption(storeOption())
    .option("--dropped", "list the dropped names too")
    .action((options: LogsOptions) =>
      withStore(options, async (store, output) => {
        const entries: Entry[] = [];
        for (const log of await store.logs()) {
          const head = await store.head(log);
          const cursor = head.kind === "open" ? head.cursor : null;
          entries.push({
            log,
            state: LOG_NAME.test(log) ? "open" : "importing",
            events: cursor?.position ?? 0,
            cursor: cursor && encodeCursor(cursor),
          });
        }
        if (options.dropped)
          for (const log of await store.droppedLogs())
            if (LOG_NAME.test(log)) entries.push({ log, state: "dropped", events: 0, cursor: null });
        const rows = entries.map((entry) => {
          const { log, state, events } = entry;
          return { cells: [events, printable(log), state === "open" ? "" : state], value: entry };
        });
        await output.table(["events", "log", ""], rows);
        output.remark(entries.length === 0 ? "The store has no logs." : count(entries.length, "log"));
      }),
    );

/** `dacapo rows LOG MODEL`: a page of rows of a read model. */
import type { MakeCommand } from "../base/command.ts";
import { type OperateOptions, operatorCommand, withLog } from "../base/operate.ts";
import { LIMIT_MAX, limitOf } from "../base/option-values.ts";
import { count, cut, jsonOf, printable } from "../base/output.ts";

type RowsOptions = OperateOptions & { readonly prefix?: string; readonly after?: string; readonly limit?: string };

export const rows: MakeCommand = () =>
  operatorCommand(
    "rows",
    "Print rows of a read model, as of one cursor.",
    "dacapo rows team-7 tasks --store sqlite:logs.db --config ./dacapo.config.ts --prefix task/ --limit 20",
  )
    .argument("<model>", "the model")
    .option("--prefix <text>", "only keys that begin with this text")
    .option("--after <key>", "begin behind this key")
    .option("--limit <number>", `at most this number of rows, up to ${LIMIT_MAX} (default: 500)`)
    .action((log: string, model: string, options: RowsOptions) => {
      const { prefix, after } = options;
      const selection = {
        waitMs: 0,
        ...(prefix !== undefined && { prefix }),
        ...(after !== undefined && { after }),
        ...limitOf(options),
      };
      return withLog(options, log, async (operated, output) => {
        const page = await operated.rows(model, selection);
        for (const { key, row } of page.rows) {
          const line = printable(`${key}  ${JSON.stringify(row)}`);
          await output.result(cut(line, output.columns), jsonOf({ key, row }));
        }
        const { at, next, identity, parked } = page;
        if (output.isJson) await output.result("", { page: { at, next, identity, parked } });
        output.remark(`${count(page.rows.length, "row")} as of ${at ?? "the beginning"}.`);
        if (next !== null) output.remark(`More rows follow. Pass --after ${JSON.stringify(next)}.`);
      });
    });

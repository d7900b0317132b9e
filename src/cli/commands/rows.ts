/** `dacapo rows LOG MODEL`: a page of rows of a read model. */
import { DefinitionError } from "../../core/values/errors.ts";
import { type Json, parseOwnJson } from "../../core/values/json.ts";
import type { MakeCommand } from "../base/command.ts";
import { type OperateOptions, operatorCommand, withLog } from "../base/operate.ts";
import { count, cut, printable } from "../base/output.ts";

type RowsOptions = OperateOptions & { readonly prefix?: string; readonly after?: string; readonly limit?: string };

const LIMIT_MAX = 5_000;

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
          const text = JSON.stringify(row);
          // The store keeps rows as JSON.
          const json = parseOwnJson<Json>(text);
          await output.result(cut(printable(`${key}  ${text}`), output.columns), { key, row: json });
        }
        const { at, next, identity, parked } = page;
        if (output.isJson) await output.result("", { page: { at, next, identity, parked } });
        output.remark(`${count(page.rows.length, "row")} as of ${at ?? "the beginning"}.`);
        if (next !== null) output.remark(`More rows follow. Pass --after ${JSON.stringify(next)}.`);
      });
    });

function limitOf({ limit }: RowsOptions): { readonly limit?: number } {
  if (limit === undefined) return {};
  const number = /^[0-9]{1,4}$/.test(limit) ? Number(limit) : 0;
  if (number >= 1 && number <= LIMIT_MAX) return { limit: number };
  throw new DefinitionError({ message: `--limit is ${limit}`, fix: `Pass a number from 1 to ${LIMIT_MAX}.` });
}

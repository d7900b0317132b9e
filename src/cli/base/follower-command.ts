/** The command on the subscribers or the processes of a log: a list of places, and the verbs of an operator. */
import type { Command } from "commander";
import { decodeCursor } from "../../core/history/record.ts";
import { DefinitionError } from "../../core/values/errors.ts";
import type { OperatedLog } from "../../sync-server/server-log/operated-log.ts";
import type { OperatorCalls } from "../../sync-server/subscribers/follower-in-log.ts";
import { type OperateOptions, operatorCommand, withLog } from "./operate.ts";
import { count, jsonOf, type Output, printable, withCommas } from "./output.ts";

export type FollowerOptions = OperateOptions & {
  readonly reason?: string;
  readonly from?: string;
  readonly yes?: true;
  readonly after?: string;
  readonly limit?: string;
};

type Named = { readonly name: string };

/** The words and the calls of one kind of follower. */
export type FollowerKind<Status extends Named, Parked> = {
  /** The name of the command, and the noun of one of its followers. */
  readonly name: string;
  readonly noun: string;
  /** An example of a name, and of the id of a parked thing. */
  readonly example: string;
  readonly parkedNoun: string;
  /** The words before the ids in the help. */
  readonly again: string;
  readonly calls: (log: OperatedLog) => OperatorCalls<string, Status, Parked>;
  readonly columns: readonly (readonly [title: string, cell: (status: Status) => string | number])[];
  readonly parkedLine: (parked: Parked) => string;
  /** Further verbs that only read. */
  readonly reads?: Readonly<Record<string, Read>>;
};

type Read = {
  readonly options: readonly (readonly [flags: string, text: string])[];
  readonly run: (log: OperatedLog, name: string, options: FollowerOptions, output: Output) => Promise<void>;
};

type Act = {
  readonly calls: OperatorCalls<string, unknown, unknown>;
  readonly kind: Pick<FollowerKind<never, never>, "noun" | "parkedNoun" | "again">;
  readonly name: string;
  readonly ids: readonly string[];
  readonly options: FollowerOptions;
};

/** Each verb returns the line that people read. */
const VERBS: Readonly<Record<string, (act: Act) => Promise<string>>> = {
  pause: async ({ calls, name }) => {
    await calls.pause(name);
    return `Paused ${name}.`;
  },
  resume: async ({ calls, name }) => {
    await calls.resume(name);
    return `Resumed ${name}.`;
  },
  retry: async ({ calls, kind, name, ids }) => {
    const retried = await calls.retry(name, ids.length === 0 ? undefined : ids);
    return `${name} tries ${count(retried, kind.parkedNoun)} again.`;
  },
  skip: async ({ calls, kind, name, ids, options }) => {
    const [id] = ids;
    if (id === undefined || options.reason === undefined)
      throw wrong(
        `skip needs one ${kind.parkedNoun} and a reason`,
        `Pass an id of \`parked\`, and --reason "no such address".`,
      );
    await calls.skip(name, id, options.reason);
    return `${name} passes over ${id}.`;
  },
  reset: async ({ calls, kind, name, options: { from, yes } }) => {
    if (from === undefined || (from !== "beginning" && !decodeCursor(from)))
      throw wrong("reset needs a place", "Pass --from beginning, or --from with a cursor of `dacapo events --json`.");
    if (!yes) throw wrong(`${name} would handle the events behind ${from} again`, `Pass --yes to agree. ${kind.again}`);
    await calls.reset(name, { from: from === "beginning" ? from : { cursor: from }, effects: "repeat" });
    return `Reset ${name} to ${from}.`;
  },
};

export function followerCommand<Status extends Named, Parked>(kind: FollowerKind<Status, Parked>): Command {
  const { name: command, noun, example, reads = {} } = kind;
  const verbs = ["parked", ...Object.keys(reads), ...Object.keys(VERBS)].join(", ");
  const where = "--store sqlite:logs.db --config ./dacapo.config.ts";
  const made = operatorCommand(
    command,
    `List the places of ${command}, or act on one: ${verbs}.`,
    `dacapo ${command} team-7 ${where}\ndacapo ${command} team-7 retry ${example} ${where}`,
  )
    .argument("[verb]", `${verbs} (default: list the places)`)
    .argument("[name]", `the ${noun}`)
    .argument("[ids...]", `for retry and skip: the ids of what is parked (retry without them: all)`)
    .option("--reason <text>", "for skip: why")
    .option("--from <place>", "for reset: `beginning`, or a cursor")
    .option("--yes", "for reset: events are handled again");
  for (const [verb, { options }] of Object.entries(reads))
    for (const [flags, text] of options) made.option(flags, `for ${verb}: ${text}`);
  return made.action(
    (
      log: string,
      verb: string | undefined,
      name: string | undefined,
      ids: readonly string[],
      options: FollowerOptions,
    ) =>
      withLog(options, log, async (operated, output) => {
        const calls = kind.calls(operated);
        if (verb === undefined) return list(kind, await calls.list(), output);
        if (name === undefined) throw wrong(`${verb} needs a ${noun}`, `Pass its name: ${verb} ${example}.`);
        if (verb === "parked") return parked(kind, await calls.parked(name), output);
        const read = reads[verb];
        if (read) return read.run(operated, name, options, output);
        const act = VERBS[verb];
        if (!act) throw wrong(`There is no verb ${verb}`, `The verbs are ${verbs}.`);
        const line = await act({ calls, kind, name, ids, options });
        const status = (await calls.list()).find((one) => one.name === name);
        await output.result(line, jsonOf({ ...status, verb }));
      }),
  );
}

async function list<Status extends Named>(
  { name, noun, columns }: Pick<FollowerKind<Status, never>, "name" | "noun" | "columns">,
  all: readonly Status[],
  output: Output,
): Promise<void> {
  const rows = all.map((status) => ({ cells: columns.map(([, cell]) => cell(status)), value: jsonOf(status) }));
  const titles = columns.map(([title]) => title);
  await output.table(titles, rows);
  output.remark(all.length === 0 ? `The config has no ${name}.` : count(all.length, noun));
}

async function parked<Parked>(
  { parkedLine }: Pick<FollowerKind<never, Parked>, "parkedLine">,
  all: readonly Parked[],
  output: Output,
): Promise<void> {
  for (const one of all) await output.result(printable(parkedLine(one)), jsonOf(one));
  output.remark(`${withCommas(all.length)} parked.`);
}

function wrong(message: string, fix: string): DefinitionError {
  return new DefinitionError({ message, fix });
}

/** The parts that commands share: options, opening and closing the store, and the end by a signal. */
import { Command, Option } from "commander";
import { DacapoError, DefinitionError, ValidationError } from "../../core/values/errors.ts";
import { LOG_NAME } from "../../core/history/limits.ts";
import type { EventStore } from "../../sync-server/stores/event-store.ts";
import { type OpenOptions, openStore } from "./open-store.ts";
import { Output } from "./output.ts";

/** The facts of one run. */
export type Run = {
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
};

/** Makes a command. Each file of `commands` exports one. */
export type MakeCommand = (run: Run) => Command;

/** The options that each command has. */
export type CommonOptions = { readonly json?: true };
/** The options of a command on one store. */
export type StoreOptions = CommonOptions & { readonly store?: string };

const COLUMNS_MAX = 100;

/** A command with `--json` and an example at the end of its help. */
export function command(name: string, description: string, example: string): Command {
  return new Command(name)
    .description(description)
    .option("--json", "print one JSON value a line, for programs")
    .helpOption("-h, --help", "show this help")
    .configureHelp({ helpWidth: Math.min(process.stdout.columns || COLUMNS_MAX, COLUMNS_MAX) })
    .addHelpText("after", `\nExample:\n  ${example.replaceAll("\n", "\n  ")}`);
}

/** The option `--store`. The variable keeps a password out of the list of processes. */
export function storeOption(): Option {
  return new Option(
    "--store <url>",
    "the store: sqlite:logs.db, postgres://user:password@host/database, or memory:",
  ).env("DACAPO_STORE");
}

/** Opens the store of a command, runs the command, and closes the store, also after an error. */
export async function withStore<Result>(
  options: StoreOptions,
  work: (store: EventStore, output: Output) => Promise<Result>,
  opening: OpenOptions = {},
): Promise<Result> {
  const store = await openStore(requireStore(options), opening);
  try {
    return await work(store, new Output(options.json === true));
  } finally {
    await store.close();
  }
}

export function requireStore({ store }: StoreOptions): string {
  if (store !== undefined && store !== "") return store;
  throw new DefinitionError({
    message: "The store is missing",
    fix: "Pass --store sqlite:logs.db, or set the variable DACAPO_STORE.",
  });
}

/** Throws if the store has no log of this name. */
export async function requireLog(store: EventStore, log: string): Promise<void> {
  const { kind } = await store.head(log);
  if (kind === "open") return;
  if (kind === "gone")
    throw new DacapoError("gone", "never", {
      message: `The log ${log} was dropped for good`,
      fix: "Use another log. `dacapo logs` lists them.",
    });
  throw new ValidationError({ message: `The store has no log ${log}`, fix: "`dacapo logs` lists its logs." });
}

/** The logs of a store, without its unfinished imports. */
export async function logNames(store: EventStore): Promise<readonly string[]> {
  return (await store.logs()).filter((name) => LOG_NAME.test(name));
}

/**
 * Runs one command line of `dacapo`, and returns its exit code.
 *
 * Guarantees (cli.usage.test.ts):
 * - A known error is two sentences without a stack trace.
 * - A reader that closes stdout, such as `head`, ends the command quietly. A closed stderr changes no exit code.
 * - The first signal ends a command in order, also while it waits for input or for the reader of its output. The second
 *   one ends it at once (cli.signals.test.ts).
 */
import { Command, CommanderError } from "commander";
import { readFileSync } from "node:fs";
import { DefinitionError } from "../core/values/errors.ts";
import { parseOwnJson } from "../core/values/json.ts";
import type { Run } from "./base/command.ts";
import { ending, isInterruption } from "./base/ending.ts";
import { fileError } from "./base/file-errors.ts";
import { errorJson, errorText, EXIT, Exit, exitCodeOf } from "./base/exit-codes.ts";
import { commands } from "./commands/index.ts";

export async function runDacapo(args: readonly string[]): Promise<number> {
  const isJson = args.includes("--json");
  endQuietlyWithReader(isJson);
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => {
      if (ending.signal.aborted) process.exit(EXIT.interrupted);
      ending.abort();
    });
  try {
    await dacapo({ signal: ending.signal }, isJson).parseAsync([...args], { from: "user" });
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return usageCode(error, isJson);
    if (error instanceof Exit) return error.code;
    if (isInterruption(error)) {
      process.stderr.write("Stopped. Run the same command again to continue.\n");
      // A reader that stopped reading would keep this process alive.
      if (process.stdout.writableLength > 0) process.exit(EXIT.interrupted);
      return EXIT.interrupted;
    }
    process.stderr.write(`${isJson ? errorJson(error) : errorText(error)}\n`);
    return exitCodeOf(error);
  }
}

/** All commands. `isJson`: the parser writes no texts about a wrong usage. */
function dacapo(run: Run, isJson: boolean): Command {
  const program = new Command("dacapo")
    .description("Serve, read, check and move the logs of a Dacapo sync server.")
    .version(packageVersion(), "-V, --version", "show the version")
    .helpOption("-h, --help", "show this help")
    .helpCommand("help [command]", "show the help of a command")
    .configureHelp({ helpWidth: 100 })
    .addHelpText(
      "after",
      "\nExit codes: 0 done, 1 refused or a check failed, 2 wrong usage, 3 no store, 4 unexpected.",
    );
  for (const make of commands) program.addCommand(make(run));
  for (const one of [program, ...program.commands]) {
    one.exitOverride().showHelpAfterError(`Run \`${fullName(one)} --help\` for the usage.`);
    if (isJson) one.configureOutput({ writeErr: () => {} });
  }
  return program;
}

/** The parser wrote the text for people itself. */
function usageCode({ exitCode, message }: CommanderError, isJson: boolean): number {
  if (exitCode === 0) return EXIT.done;
  const usage = { message: message.replace(/^error: /, ""), fix: "Run the command with --help for its usage." };
  if (isJson) process.stderr.write(`${errorJson(new DefinitionError(usage))}\n`);
  return EXIT.usage;
}

function fullName(command: Command): string {
  return command.parent ? `${command.parent.name()} ${command.name()}` : command.name();
}

function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return parseOwnJson<{ readonly version: string }>(text).version;
}

function endQuietlyWithReader(isJson: boolean): void {
  process.stderr.on("error", () => {});
  process.stdout.on("error", (cause: NodeJS.ErrnoException) => {
    if (cause.code === "EPIPE") process.exit(EXIT.done);
    const error = fileError(cause, "The output");
    process.stderr.write(`${isJson ? errorJson(error) : errorText(error)}\n`);
    process.exit(exitCodeOf(error));
  });
}

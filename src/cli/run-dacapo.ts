/**
 * Runs one command line of `dacapo`, and returns its exit code.
 *
 * Guarantees (cli.usage.test.ts):
 * - A known error is two sentences without a stack trace.
 * - A reader that closes stdout, such as `head`, ends the command quietly.
 * - The first signal ends a command in order, and the second at once.
 */
import { Command, CommanderError } from "commander";
import { readFileSync } from "node:fs";
import { parseOwnJson } from "../core/values/json.ts";
import type { Run } from "./base/command.ts";
import { errorJson, errorText, EXIT, Exit, exitCodeOf } from "./base/exit-codes.ts";
import { commands } from "./commands/index.ts";

export async function runDacapo(args: readonly string[]): Promise<number> {
  const ending = new AbortController();
  endQuietlyWithReader();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => {
      if (ending.signal.aborted) process.exit(EXIT.interrupted);
      ending.abort();
    });
  try {
    await dacapo({ signal: ending.signal }).parseAsync([...args], { from: "user" });
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (error instanceof Exit) return error.code;
    if (ending.signal.aborted && error === ending.signal.reason) {
      process.stderr.write("Stopped. Run the same command again to continue.\n");
      return EXIT.interrupted;
    }
    process.stderr.write(`${args.includes("--json") ? errorJson(error) : errorText(error)}\n`);
    return exitCodeOf(error);
  }
}

/** All commands. */
function dacapo(run: Run): Command {
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
  for (const one of [program, ...program.commands])
    one.exitOverride().showHelpAfterError(`Run \`${fullName(one)} --help\` for the usage.`);
  return program;
}

function fullName(command: Command): string {
  return command.parent ? `${command.parent.name()} ${command.name()}` : command.name();
}

function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return parseOwnJson<{ readonly version: string }>(text).version;
}

function endQuietlyWithReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.done);
    throw error;
  });
}

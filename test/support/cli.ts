/** The real command `dacapo` as a child process, run from source. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseOwnJson } from "./own-json.ts";

export type CliResult = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The values of `--json`. */
  readonly json: <Value>() => Value[];
};

export type CliOptions = {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** The condition `dacapo-source` loads the package from src. */
  readonly cwd?: string;
};

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
/** All children share one compile cache, so that each loads in a third of the time. */
const NODE_COMPILE_CACHE = join(tmpdir(), "dacapo-compile-cache");

export function startCli(args: readonly string[], { env = {}, cwd }: CliOptions = {}): ChildProcess {
  return spawn(process.execPath, ["--conditions=dacapo-source", main, ...args], {
    stdio: "pipe",
    env: { ...process.env, NODE_COMPILE_CACHE, DACAPO_STORE: "", NO_COLOR: "1", ...env },
    ...(cwd !== undefined && { cwd }),
  });
}

/** Runs a command to its end. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const child = startCli(args, options);
  child.stdin?.end(options.input ?? "");
  return resultOf(child);
}

export async function resultOf(child: ChildProcess): Promise<CliResult> {
  const output = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk) => (output.stdout += String(chunk)));
  child.stderr?.on("data", (chunk) => (output.stderr += String(chunk)));
  await once(child, "close");
  return {
    code: child.exitCode,
    ...output,
    json: <Value>() =>
      output.stdout
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => parseOwnJson<Value>(line)),
  };
}

/** Resolves with the first match in what a running command prints. */
export function printed(child: ChildProcess, pattern: RegExp, msMax = 20_000): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let text = "";
    const look = (chunk: unknown): void => {
      text += String(chunk);
      const match = pattern.exec(text);
      if (!match) return;
      clearTimeout(timer);
      resolve(match);
    };
    const timer = setTimeout(() => reject(new Error(`The command did not print ${pattern} in time: ${text}`)), msMax);
    child.stdout?.on("data", look);
    child.stderr?.on("data", look);
    child.once("close", () => reject(new Error(`The command ended without printing ${pattern}: ${text}`)));
  });
}

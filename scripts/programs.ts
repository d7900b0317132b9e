// Functions that run other programs, in the project's folder and on the same Node.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

export type Program = {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Hides the output, because the exit code says the same. */
  readonly quiet?: boolean;
};

/** A package's own command by its file, because a command's name is a shell script that Windows cannot run. */
export function tool(entry: string, ...args: string[]): Program {
  return { file: process.execPath, args: [`${root}node_modules/${entry}`, ...args] };
}

/** A script of this project, or another TypeScript file. */
export function script(path: string, ...args: string[]): Program {
  return { file: process.execPath, args: ["--conditions=dacapo-source", path, ...args] };
}

/** Runs a program, shows its output and returns its exit code. */
export function run({ file, args, env, quiet = false }: Program): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd: root,
      stdio: quiet ? "ignore" : "inherit",
      env: { ...process.env, ...env },
    });
    child.on("error", (error) => {
      console.error(`${file} did not start: ${error.message}`);
      resolve(1);
    });
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

/** Runs programs one after the other until one fails. */
export async function runAll(programs: readonly Program[]): Promise<number> {
  for (const program of programs) {
    const code = await run(program);
    if (code !== 0) return code;
  }
  return 0;
}

/**
 * The npm that runs this script, called through Node, because "npm" may be another one, and a batch file on Windows.
 */
export function npmCommand(...args: readonly string[]): {
  readonly file: string;
  readonly args: readonly string[];
  readonly shell: boolean;
} {
  const own = process.env["npm_execpath"];
  if (own && /npm-cli\.[cm]?js$/.test(own)) return { file: process.execPath, args: [own, ...args], shell: false };
  return { file: "npm", args, shell: process.platform === "win32" };
}

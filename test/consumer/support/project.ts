/** A new folder outside this repository with the packed package in it, as a stranger has one. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync, mkdirSync, copyFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { npmCommand } from "../../../scripts/programs.ts";
import { root, samplesOf } from "../../support/samples.ts";

export type Project = {
  readonly folder: string;
  /** Runs npm with arguments, such as `install`. Rejects with the output if it fails. */
  readonly npm: (...args: readonly string[]) => Promise<void>;
  /** Installs the tarball and other packages. */
  readonly install: (...packages: readonly string[]) => Promise<void>;
  /** Runs the command of an installed package. `entry` is its file in `node_modules`. */
  readonly run: (entry: string, ...args: readonly string[]) => Promise<void>;
  /** Runs a program of the folder. Rejects with its output if it fails. */
  readonly node: (...args: readonly string[]) => Promise<void>;
  /** Starts a program and resolves when its output contains the pattern. */
  readonly start: (args: readonly string[], until: RegExp) => Promise<Running>;
  readonly write: (name: string, text: string) => void;
  /** Writes the named files of a documentation page; without names, all of them. */
  readonly writeSamples: (page: string, change?: (code: string) => string) => Promise<void>;
};

export type Running = { readonly stop: () => Promise<void>; readonly match: RegExpExecArray };

const START_MS_MAX = 60_000;
/** Because a person's own settings, such as NODE_ENV, must not change what is installed and built. */
const { NODE_ENV: _, NODE_OPTIONS: __, ...env } = process.env;

/** Packs like `npm publish`. Returns the path of the tarball. */
export function pack(folder: string): string {
  const { file, args, shell } = npmCommand("pack", "--ignore-scripts", "--silent", "--pack-destination", folder);
  const packed = spawnSync(file, args, { cwd: root, encoding: "utf8", shell });
  const [tarball] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  if (packed.status !== 0 || tarball === undefined) throw new Error(`npm pack failed: ${packed.stderr}`);
  return join(folder, tarball);
}

/** Makes a folder under the system's temporary folder, calls the function, and deletes the folder. */
export async function inProject<T>(tarball: string, work: (project: Project) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "dacapo-consumer-"));
  copyFileSync(tarball, join(folder, basename(tarball)));
  const npm = (...args: readonly string[]) => {
    const command = npmCommand(...args);
    return runProgram(folder, command);
  };
  const node = (...args: readonly string[]) => runProgram(folder, { file: process.execPath, args, shell: false });
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  };
  write("package.json", '{ "name": "consumer", "private": true, "type": "module" }');
  try {
    return await work({
      folder,
      npm,
      install: (...packages) =>
        npm("install", "--no-audit", "--no-fund", "--prefer-offline", `./${basename(tarball)}`, ...packages),
      run: (entry, ...args) => node(join(folder, "node_modules", entry), ...args),
      node,
      start: (args, until) => start(folder, args, until),
      write,
      writeSamples: async (page, change = (code) => code) => {
        for (const { name, code } of await samplesOf(page)) write(name, change(code));
      },
    });
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

function runProgram(cwd: string, { file, args, shell }: ReturnType<typeof npmCommand>): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], shell });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${basename(args[0] ?? file)} ${args.slice(1).join(" ")} ended with ${code}:\n${output}`));
    });
  });
}

function start(cwd: string, args: readonly string[], until: RegExp): Promise<Running> {
  const child = spawn(process.execPath, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async () => {
    child.kill();
    const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
    await gone;
    clearTimeout(timer);
  };
  let output = "";
  return new Promise((resolve, reject) => {
    const fail = (how: string) => reject(new Error(`${basename(args[0] ?? "")} ${how}:\n${output}`));
    const timer = setTimeout(() => void stop().then(() => fail("did not start")), START_MS_MAX);
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => {
        output += String(chunk);
        // A terminal's colours may divide the text.
        const match = until.exec(stripVTControlCharacters(output));
        if (!match) return;
        clearTimeout(timer);
        resolve({ stop, match });
      });
    void gone.then(() => {
      clearTimeout(timer);
      fail("ended early");
    });
  });
}

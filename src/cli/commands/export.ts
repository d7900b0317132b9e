/** `dacapo export LOG`: the operator's archive of a log, as one file or in parts. */
import { existsSync } from "node:fs";
import { open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DefinitionError, ValidationError } from "../../core/values/errors.ts";
import { archivePieces } from "../../sync-server/archive/archive-pieces.ts";
import { command, type MakeCommand, requireLog, storeOption, type StoreOptions, withStore } from "../base/command.ts";
import { fileError } from "../base/file-errors.ts";
import { count, type Output } from "../base/output.ts";

type ExportOptions = StoreOptions & { readonly out?: string; readonly partMb?: string };

const PAGE = { events: 2_000, bytes: 1024 * 1024 };

export const exportCommand: MakeCommand = ({ signal }) =>
  command(
    "export",
    "Write a log as an archive (NDJSON) with its records, marks, versions and kept outcomes.",
    "dacapo export team-7 --store sqlite:logs.db --out team-7.ndjson\n" +
      "dacapo export team-7 --store sqlite:logs.db --out team-7.ndjson --part-mb 50",
  )
    .argument("<log>", "the log")
    .addOption(storeOption())
    .option("--out <file>", "the file to write, which must not exist (default: stdout)")
    .option("--part-mb <number>", "begin another file after this many megabytes: team-7.1.ndjson, team-7.2.ndjson, …")
    .action((log: string, options: ExportOptions) =>
      withStore(options, async (store, output) => {
        const partBytes = partBytesOf(options);
        await requireLog(store, log);
        const pieces = archivePieces(store, log, {
          page: { ...PAGE, bytes: Math.min(PAGE.bytes, partBytes ?? PAGE.bytes) },
          hasOutcomes: true,
          ...(partBytes !== null && { partBytes }),
          beforePage: async () => signal.throwIfAborted(),
        });
        if (options.out === undefined) {
          for await (const { text } of pieces) await output.write(text);
          return;
        }
        const out = options.out;
        await writeFiles(pieces, out, partBytes !== null, output).catch((error: unknown) => {
          throw fileError(error, out);
        });
      }),
    );

/**
 * Writes each file beside its final name. The files get their names after the last one is whole, so that an export that
 * was cut off can be repeated as it is.
 */
async function writeFiles(
  pieces: AsyncIterable<{ readonly part: number; readonly text: string }>,
  out: string,
  inParts: boolean,
  output: Output,
): Promise<void> {
  let part = -1;
  let file: Awaited<ReturnType<typeof open>> | null = null;
  const written: string[] = [];
  let isWhole = false;
  const finish = async (): Promise<void> => {
    await file?.sync();
    await file?.close();
    file = null;
  };
  try {
    for await (const piece of pieces) {
      if (piece.part !== part) {
        await finish();
        part = piece.part;
        const path = inParts ? partName(out, part + 1) : out;
        requireFree(path);
        await removeLeftovers(path);
        written.push(path);
        file = await open(unfinished(path), "w");
      }
      // `write` may write a part only, such as on a full disk, and reports no error then.
      await file?.writeFile(piece.text);
    }
    await finish();
    // Another export may have written them meanwhile.
    for (const path of written) requireFree(path);
    isWhole = true;
  } finally {
    await file?.close();
    if (!isWhole) for (const path of written) await rm(unfinished(path), { force: true });
  }
  for (const path of written) await rename(unfinished(path), path);
  for (const path of written) await output.result(path, { file: path });
  output.remark(`Wrote ${count(written.length, "file")}.`);
}

/** The name of a file until it is whole. Otherwise two exports at once would write into one file. */
function unfinished(path: string): string {
  return `${path}.${process.pid}.unfinished`;
}

/** Removes what exports of this file left that were killed. */
async function removeLeftovers(path: string): Promise<void> {
  const [folder, prefix] = [dirname(path), `${basename(path)}.`];
  for (const name of await readdir(folder)) {
    const [, pid] = (name.startsWith(prefix) && /^(\d+)\.unfinished$/.exec(name.slice(prefix.length))) || [];
    if (pid !== undefined && !isRunning(Number(pid))) await rm(join(folder, name), { force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // A process of another user is running too.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** `team-7.ndjson` becomes `team-7.1.ndjson`. */
function partName(out: string, number: number): string {
  return /\.[^./\\]+$/.test(out) ? out.replace(/(\.[^./\\]+)$/, `.${number}$1`) : `${out}.${number}`;
}

function requireFree(path: string): void {
  if (path === "") throw new DefinitionError({ message: "--out is empty", fix: "Pass --out team-7.ndjson." });
  if (existsSync(path))
    throw new ValidationError({ message: `The file ${path} exists already`, fix: "Delete it, or pass another name." });
}

function partBytesOf({ partMb, out }: ExportOptions): number | null {
  if (partMb === undefined) return null;
  const megabytes = Number(partMb);
  if (!(megabytes > 0))
    throw new DefinitionError({
      message: `--part-mb is ${partMb}, which is not a size`,
      fix: "Pass a number above 0.",
    });
  if (out === undefined)
    throw new DefinitionError({ message: "Parts need files", fix: "Pass --out team-7.ndjson too." });
  return megabytes * 1_000_000;
}

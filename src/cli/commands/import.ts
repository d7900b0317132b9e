/** `dacapo import FILE…`: writes archives, or the parts of one, into a store. */
import { createReadStream, existsSync } from "node:fs";
import { addAbortSignal } from "node:stream";
import { ArchiveReader } from "../../core/wire/archive.ts";
import { DefinitionError, ValidationError } from "../../core/values/errors.ts";
import { positionOf } from "../../core/history/record.ts";
import { archiveLines } from "../../sync-server/archive/archive-lines.ts";
import { importLog } from "../../sync-server/archive/import-log.ts";
import type { EventStore } from "../../sync-server/stores/event-store.ts";
import { command, type MakeCommand, storeOption, type StoreOptions, withStore } from "../base/command.ts";
import { fileError } from "../base/file-errors.ts";
import { count, type Output } from "../base/output.ts";
import { Progress } from "../base/progress.ts";

export const importCommand: MakeCommand = ({ signal }) =>
  command(
    "import",
    "Import archives into a store. A repeated import changes nothing, and continues one that was cut off.",
    "dacapo import team-7.ndjson --store postgres://dacapo@localhost/dacapo\n" +
      "dacapo import team-7.1.ndjson team-7.2.ndjson --store sqlite:new.db",
  )
    .argument("<files...>", "the archives, or the parts of one in their order. - is stdin")
    .addOption(storeOption())
    .action((files: readonly string[], options: StoreOptions) => {
      for (const file of files)
        if (file !== "-" && !existsSync(file))
          throw new DefinitionError({
            message: `The file ${file} does not exist`,
            fix: "Pass the path of an archive.",
          });
      return withStore(
        options,
        async (store, output) => {
          for (const file of files)
            await importFile(store, output, file, signal).catch((error: unknown) => {
              throw fileError(error, file);
            });
        },
        { mayCreate: true },
      );
    });

async function importFile(store: EventStore, output: Output, file: string, signal: AbortSignal): Promise<void> {
  // Otherwise a signal would wait for the next piece of the file.
  const lines = chunkLines(addAbortSignal(signal, file === "-" ? process.stdin : createReadStream(file)));
  const first = await lines.next();
  const head = new ArchiveReader().read(first.done ? "" : first.value);
  if (!head.ok || head.value?.kind !== "header")
    throw new ValidationError({
      message: `${file} is not an archive: its first line ${head.ok ? "is empty" : head.problem.reason}`,
      fix: "Pass a file that `dacapo export` or a server's export wrote.",
    });
  const { log, cursor } = head.value;
  const progress = new Progress(output);
  // Reading the header took the first line.
  async function* all(): AsyncGenerator<string> {
    if (!first.done) yield first.value;
    for (let next = await lines.next(); !next.done; next = await lines.next()) yield next.value;
  }
  const imported = await importLog(store, log, all(), (at) => {
    signal.throwIfAborted();
    progress.report(`events of ${log}`, positionOf(at), positionOf(cursor), { log });
  });
  progress.clear();
  const rest = imported.isComplete ? "" : ` The next part begins at ${imported.cursor ?? "the beginning"}.`;
  await output.result(`${log} has ${count(imported.events, "event")} of the archive.${rest}`, { log, ...imported });
}

async function* chunkLines(chunks: AsyncIterable<string | Uint8Array>): AsyncGenerator<string> {
  yield* archiveLines(chunks);
}

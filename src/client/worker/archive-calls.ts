/**
 * The worker's end of export and import.
 *
 * Text crosses in pieces of about `PIECE_LENGTH` characters, so that a long log crosses in bounded steps.
 */
import { LogClosedError } from "../../core/values/errors.ts";
import { exportLines } from "../engine/export-import.ts";
import type { Engine } from "../engine/engine.ts";
import type { LogName } from "../../core/values/ids.ts";

const PIECE_LENGTH = 256 * 1024;

export type ArchiveCalls = {
  /** The next piece of an export, or null after its last. `begin` starts a new export and drops the one before. */
  exportNext(begin: boolean): Promise<string | null>;
  /** Collects the pieces of an import. The last piece makes the engine check and write them all. */
  importNext(piece: string, place: { readonly begin: boolean; readonly last: boolean }): Promise<void>;
};

export function archiveCalls(engine: Engine, log: LogName): ArchiveCalls {
  let lines: AsyncGenerator<string> | null = null;
  let pieces: string[] = [];
  return {
    async exportNext(begin) {
      if (begin) lines = exportLines(engine.store, log);
      if (!lines)
        throw new LogClosedError({ message: "This export has already ended", fix: "Start another with export()." });
      let piece = "";
      while (piece.length < PIECE_LENGTH) {
        const next = await lines.next();
        if (next.done) {
          if (piece === "") lines = null;
          break;
        }
        piece += `${next.value}\n`;
      }
      return piece === "" ? null : piece;
    },
    async importNext(piece, { begin, last }) {
      if (begin) pieces = [];
      pieces.push(piece);
      if (!last) return;
      const given = pieces;
      pieces = [];
      await engine.import(log, linesOf(given));
    },
  };
}

/**
 * The lines of a text in pieces. Each piece is released once read, because the text is long and memory holds it once.
 */
function* linesOf(pieces: string[]): Generator<string> {
  let begun = "";
  for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
    const [first = "", ...more] = piece.split("\n");
    begun += first;
    for (const next of more) {
      yield begun;
      begun = next;
    }
  }
  yield begun;
}

/** The worker's end of export and import: pieces of text, so that a long log crosses in bounded steps. */
import { LogClosedError } from "../../core/values/errors.ts";
import { exportLines } from "../engine/export-import.ts";
import type { Engine } from "../engine/engine.ts";
import { callResult, type WorkerLog } from "../messages/worker-messages.ts";

/** Characters of one piece, about. */
const PIECE_MAX = 256 * 1024;

export function archiveCalls(engine: Engine, log: string): Pick<WorkerLog, "exportNext" | "importNext"> {
  let lines: AsyncGenerator<string> | null = null;
  let pieces: string[] = [];
  return {
    exportNext: (begin) =>
      callResult(async () => {
        if (begin) lines = exportLines(engine.store, log);
        if (!lines) throw new LogClosedError({ message: "This export has ended", fix: "Begin another with export()." });
        let piece = "";
        while (piece.length < PIECE_MAX) {
          const next = await lines.next();
          if (next.done) {
            if (piece === "") lines = null;
            break;
          }
          piece += `${next.value}\n`;
        }
        return piece === "" ? null : piece;
      }),
    importNext: (piece, { begin, last }) =>
      callResult(async () => {
        if (begin) pieces = [];
        pieces.push(piece);
        if (!last) return null;
        const given = pieces;
        pieces = [];
        await engine.import(log, linesOf(given));
        return null;
      }),
  };
}

/** The lines of a text that came in pieces, which are let go of as they are read: it is long, and need not be here twice. */
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

/** The worker's end of export and import: pieces of text, so that a long log crosses in bounded steps. */
import { LogClosedError } from "../core/errors.ts";
import { exportLines } from "./archive-log.ts";
import type { Engine } from "./engine.ts";
import { answer, type WorkerLog } from "./worker-api.ts";

/** Characters of one piece, about. */
const PIECE_MAX = 256 * 1024;

export function archiveApi(engine: Engine, log: string): Pick<WorkerLog, "exportNext" | "importNext"> {
  let lines: AsyncGenerator<string> | null = null;
  let pieces: string[] = [];
  return {
    exportNext: (begin) =>
      answer(async () => {
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
      answer(async () => {
        if (begin) pieces = [];
        pieces.push(piece);
        if (!last) return null;
        const text = pieces.join("");
        pieces = [];
        await engine.import(log, text.split("\n"));
        return null;
      }),
  };
}

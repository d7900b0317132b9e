/**
 * The lines of an exported log, from its bytes, its text or its lines.
 *
 * Guarantees (archive.export-import.test.ts):
 * - Only a line feed ends a line. Node's `readline` also ends one at U+2028, which a text of an event may contain.
 * - A line has a largest length. Otherwise a file without line feeds would fill the memory.
 */
import { ValidationError } from "../../core/values/errors.ts";

/** Characters of a line. A record is much shorter, because it fits into a push. */
const LINE_LENGTH_MAX = 32 * 1024 * 1024;

/** The bytes or the text of an exported log. */
export type LogArchive = ReadableStream<Uint8Array> | string;

/** The bytes, the text or the lines of an exported log. An iterable may have bytes, such as a stream of Node. */
export type LogLines = LogArchive | AsyncIterable<string | Uint8Array> | Iterable<string>;

export function archiveLines(archive: LogLines): AsyncIterable<string> | Iterable<string> {
  if (typeof archive === "string") return archive.trimEnd().split("\n");
  if (archive instanceof ReadableStream) return splitLines(chunksOf(archive));
  return Symbol.asyncIterator in archive ? splitLines(archive) : archive;
}

/** The bytes are cut at line feeds. A text is a line already. */
async function* splitLines(chunks: AsyncIterable<string | Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  let rest = "";
  for await (const chunk of chunks) {
    if (typeof chunk === "string") yield chunk;
    else {
      const [first = "", ...lines] = decoded(decoder, chunk).split("\n");
      rest += first;
      if (rest.length > LINE_LENGTH_MAX) throw tooLong();
      const last = lines.pop();
      if (last === undefined) continue;
      yield rest;
      yield* lines;
      rest = last;
    }
  }
  rest += decoded(decoder, null);
  if (rest !== "") yield rest;
}

function decoded(decoder: TextDecoder, chunk: Uint8Array | null): string {
  try {
    return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
  } catch (cause) {
    const fix = "Pass the bytes of an exported archive, unchanged and not compressed.";
    throw new ValidationError({ message: "The archive is not a text in UTF-8", fix, cause });
  }
}

function tooLong(): ValidationError {
  const fix = "Pass the bytes of an exported archive, unchanged.";
  return new ValidationError({ message: `The archive has a line of more than ${LINE_LENGTH_MAX} characters`, fix });
}

async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) yield piece.value;
  } finally {
    await reader.cancel().catch(() => {});
  }
}

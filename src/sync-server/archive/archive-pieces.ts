/**
 * The text of a log's archive, piece by piece.
 *
 * Guarantees (archive.export-import.test.ts, archive.parts.test.ts):
 * - A page of records or of outcomes is in memory, and no more.
 * - Records leave as the stored texts (S7), and outcomes too.
 * - The archive ends at the end that the log had when the export began. If the log changes, the generator throws, and
 *   the last line is missing.
 */
import { endLine, headerLine, recordLine } from "../../core/wire/archive.ts";
import { type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";
import { byteLength } from "../../core/values/byte-length.ts";
import { HttpRefusal } from "../base/http-refusal.ts";
import type { EventStore, KeptOutcome, ReadLimit } from "../stores/event-store.ts";

/** Some whole lines of an archive, each with its line break. */
export type ArchivePiece = {
  /** The part's number, from 0. An archive that is not cut has only part 0. */
  readonly part: number;
  readonly text: string;
};

export type ArchiveOptions = {
  /** The most events and bytes of a page. */
  readonly page: ReadLimit;
  /** True: the operator's archive, with the kept outcomes. */
  readonly hasOutcomes?: boolean;
  /** Bytes from which on another part begins. Only the operator's archive has parts. */
  readonly partBytes?: number;
  /** Runs before each page is read. It may throw to end the export. */
  readonly beforePage?: () => Promise<void>;
};

const OUTCOMES_PAGE = 100;

/** Returns the pieces of the archive of a log. Throws `gone` for a dropped log. */
export async function* archivePieces(
  store: EventStore,
  log: string,
  options: ArchiveOptions,
): AsyncGenerator<ArchivePiece, void> {
  const head = await store.head(log);
  if (head.kind === "gone") throw new HttpRefusal("gone");
  const end = head.kind === "open" ? head.cursor : null;
  const part = new Part(log, end, options);
  yield part.begin(null);
  let after: Cursor | null = null;
  while (positionOf(after) < positionOf(end)) {
    if (part.isFull()) {
      yield part.end(true);
      yield part.begin(after);
    }
    await options.beforePage?.();
    const page = await store.read(log, after, options.page);
    const records = page.kind === "page" ? page.records.filter(({ cursor }) => cursor.position <= positionOf(end)) : [];
    const last = records.at(-1);
    if (!last) throw changed(log);
    after = last.cursor;
    yield part.records(records.map(({ text }) => text));
  }
  if (!sameCursor(after, end)) throw changed(log);
  if (options.hasOutcomes) {
    for (let last: KeptOutcome | null = null; ;) {
      const outcomes: readonly KeptOutcome[] = await store.outcomes(log, last, OUTCOMES_PAGE);
      last = outcomes.at(-1) ?? null;
      if (!last) break;
      if (part.isFull()) {
        yield part.end(true);
        yield part.begin(after);
      }
      yield part.outcomes(outcomes);
    }
  }
  yield part.end(false);
}

/** The part that is written now, and the number of its lines. */
class Part {
  readonly #log: string;
  readonly #end: Cursor | null;
  readonly #options: ArchiveOptions;
  #number = -1;
  #bytes = 0;
  #records = 0;
  #outcomes = 0;
  /** The number of outcomes in the parts before. */
  #earlier = 0;

  constructor(log: string, end: Cursor | null, options: ArchiveOptions) {
    this.#log = log;
    this.#end = end;
    this.#options = options;
  }

  isFull(): boolean {
    return this.#records + this.#outcomes > 0 && this.#bytes >= (this.#options.partBytes ?? Infinity);
  }

  begin(after: Cursor | null): ArchivePiece {
    this.#number++;
    this.#earlier += this.#outcomes;
    this.#bytes = this.#records = this.#outcomes = 0;
    const place = this.#options.hasOutcomes ? after : undefined;
    return this.#piece([headerLine(this.#log, this.#end, place, this.#earlier)]);
  }

  records(texts: readonly string[]): ArchivePiece {
    this.#records += texts.length;
    return this.#piece(texts.map(recordLine));
  }

  outcomes(outcomes: readonly KeptOutcome[]): ArchivePiece {
    this.#outcomes += outcomes.length;
    return this.#piece(outcomes.map((outcome) => JSON.stringify({ outcome })));
  }

  end(hasMore: boolean): ArchivePiece {
    if (!this.#options.hasOutcomes) return this.#piece([endLine(this.#records, 0)]);
    const counts = { records: this.#records, own: 0, outcomes: this.#outcomes };
    return this.#piece([JSON.stringify({ end: { ...counts, ...(hasMore && { more: true }) } })]);
  }

  #piece(lines: readonly string[]): ArchivePiece {
    const text = lines.map((line) => `${line}\n`).join("");
    if (this.#options.partBytes !== undefined) this.#bytes += byteLength(text);
    return { part: this.#number, text };
  }
}

function changed(log: string): Error {
  return new Error(`The log ${log} changed under its export`);
}

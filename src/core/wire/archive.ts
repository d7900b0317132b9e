/**
 * An exported log as NDJSON: a header, the records in order, the device's own lines, and an end line that counts them.
 *
 *   {"dacapo":"log","v":1,"log":"team-7","cursor":"17-9f2c…"}
 *   {"record":{…}}                        one line a commit record
 *   {"sent":{…}} {"pending":{…}} {"rejection":{…}}   only a device: its settled commits, its queue, its rejections
 *   {"end":{"records":12,"own":3}}
 *
 * Version 2 is the operator's archive. It also has the kept outcomes, and it may be cut into parts. Each part is a file
 * of this form. Its header names the end of the whole log and the place where the part begins.
 *
 *   {"dacapo":"log","v":2,"log":"team-7","cursor":"17-9f2c…","after":"9-77aa…"}
 *   {"outcome":{"commit":"…","actor":"bob","received":1760000000123,"text":"…"}}
 *   {"end":{"records":8,"own":0,"outcomes":1,"more":true}}     more: another part follows
 *
 * Client and server both write and read this form. The server ignores the device's own lines. A device ignores the
 * outcomes, and reads no parts.
 *
 * Guarantees: the reader refuses a file that was cut short, that has a gap, or that was joined from two. The client
 * writes nothing before the whole file is checked. The server writes under a name that no device can request.
 */
import { describeProblem, type Parsed, refuseValue } from "../values/parsed.ts";
import { fail, json, literal, orNull, parse, parseText, type Reader, shape, text, whole } from "./reader.ts";
import type { Json } from "../values/json.ts";
import { cursorReader, parseRecords } from "./read-messages.ts";
import { type CommitRecord, type Cursor, cursorOf, encodeCursor, positionOf, sameCursor } from "../history/record.ts";

/** The kinds of a device's own lines. The client checks their values. */
export const OWN_KINDS = ["sent", "pending", "rejection"] as const;
/** A kind of a device's own lines. */
export type OwnKind = (typeof OWN_KINDS)[number];

/** The content of a whole archive, as a device reads it. */
export type Archive = {
  readonly log: string;
  readonly cursor: Cursor | null;
  readonly records: readonly CommitRecord[];
  readonly own: readonly { readonly kind: OwnKind; readonly value: Json }[];
};

/**
 * The header: the end of the whole log, and the place where this part begins. `outcomes` is the number of outcomes in
 * the parts before it.
 */
export type ArchiveHead = {
  readonly log: string;
  readonly cursor: Cursor | null;
  readonly after?: Cursor | null;
  readonly outcomes?: number;
};

/** A checked line. The value of an outcome is unchecked. */
export type ArchiveLine =
  | ({ readonly kind: "header" } & ArchiveHead)
  | { readonly kind: "record"; readonly record: CommitRecord }
  | { readonly kind: "outcome"; readonly value: unknown }
  | { readonly kind: "end"; readonly more?: true }
  | { readonly kind: OwnKind; readonly value: Json };

const VERSION_MAX = 2;
const version = shape({ dacapo: literal("log"), v: whole(1) });
const header = shape(
  { log: text(128), cursor: orNull(cursorReader) },
  { after: orNull(cursorReader), outcomes: whole(1) },
);
const end = shape({ records: whole(0), own: whole(0) }, { outcomes: whole(0), more: literal(true) });

/** Returns the first line. With `after` it is the header of an operator's archive, or of a part of it. */
export function headerLine(log: string, cursor: Cursor | null, after?: Cursor | null, outcomes = 0): string {
  return JSON.stringify({
    dacapo: "log",
    v: after === undefined ? 1 : VERSION_MAX,
    log,
    cursor: cursor && encodeCursor(cursor),
    ...(after !== undefined && { after: after && encodeCursor(after) }),
    ...(outcomes > 0 && { outcomes }),
  });
}

/** Returns the line of a record, from the JSON text of the record. */
export function recordLine(recordText: string): string {
  return `{"record":${recordText}}`;
}

/** Returns one of the device's own lines. */
export function ownLine(kind: OwnKind, value: Json): string {
  return JSON.stringify({ [kind]: value });
}

/** Returns the last line, with the number of records and of own lines before it. */
export function endLine(records: number, own: number): string {
  return JSON.stringify({ end: { records, own } });
}

/** Checks the lines of one file in order. It keeps only the last cursor and the counts. */
export class ArchiveReader {
  readonly #counts = { records: 0, own: 0, outcomes: 0 };
  #head: ArchiveHead | null = null;
  #last: Cursor | null = null;
  #ended: { readonly more?: true } | null = null;
  #number = 0;

  /** Checks the next line. The value is null for an empty line. A problem names the line. */
  read(line: string): Parsed<ArchiveLine | null> {
    this.#number++;
    if (line.trim() === "") return { ok: true, value: null };
    if (this.#ended) return this.#refuse("comes after the end line");
    const read = this.#head ? parseText(lineReader, line) : parseText(headReader, line);
    if (!read.ok) return this.#refuse(describeProblem(read.problem));
    const reason = this.#accept(read.value);
    return reason === null ? read : this.#refuse(reason);
  }

  /** Checks that the file is whole. */
  finish(): Parsed<null> {
    if (!this.#head || !this.#ended) {
      this.#number++;
      return this.#refuse("is missing: the file was cut short");
    }
    if (this.#ended.more || sameCursor(this.#last, this.#head.cursor)) return { ok: true, value: null };
    return refuseValue(["line", 1], "names another cursor than the last record has");
  }

  #accept(line: CountedLine): string | null {
    const counts = this.#counts;
    if (line.kind === "header") {
      this.#head = line;
      this.#last = line.after ?? null;
    } else if (line.kind === "record") {
      const { record } = line;
      if (record.position !== positionOf(this.#last) + 1)
        return `has position ${record.position}, which does not follow the record before it`;
      this.#last = cursorOf(record);
      counts.records++;
    } else if (line.kind === "end") {
      const { records, own, outcomes = 0 } = line;
      if (records !== counts.records || own !== counts.own || outcomes !== counts.outcomes)
        return "counts other lines than the file has";
      this.#ended = line;
    } else counts[line.kind === "outcome" ? "outcomes" : "own"]++;
    return null;
  }

  #refuse(reason: string): Parsed<never> {
    return refuseValue(["line", this.#number], reason);
  }
}

/** Reads a whole archive. A problem names the first line that is not valid. */
export function parseArchive(lines: Iterable<string>): Parsed<Archive> {
  const reader = new ArchiveReader();
  let head: ArchiveHead | null = null;
  const records: CommitRecord[] = [];
  const own: Archive["own"][number][] = [];
  for (const text of lines) {
    const read = reader.read(text);
    if (!read.ok) return read;
    const line = read.value;
    if (line?.kind === "header") head = line;
    else if (line?.kind === "record") records.push(line.record);
    else if (line?.kind === "end") {
      if (line.more || head?.after) return refuseValue([], "is one part of a log: only a server imports parts");
    } else if (line && line.kind !== "outcome") own.push(line);
  }
  const whole = reader.finish();
  if (!whole.ok) return whole;
  return head ? { ok: true, value: { log: head.log, cursor: head.cursor, records, own } } : refuseValue([], "is empty");
}

type CountedLine = Exclude<ArchiveLine, { readonly kind: "end" }> | ({ readonly kind: "end" } & ReturnType<typeof end>);

const headReader: Reader<CountedLine> = (value, path) => {
  const head = parse(version, value);
  if (!head.ok) fail(path, `is not the header of an exported log: ${describeProblem(head.problem)}`);
  if (head.value.v > VERSION_MAX)
    fail(path, `has version ${head.value.v} of a newer Dacapo. This one reads versions up to ${VERSION_MAX}`);
  return { kind: "header", ...header(value, path) };
};

const lineReader: Reader<CountedLine> = (value, path) => {
  if (typeof value !== "object" || value === null) fail(path, "is not an object");
  if ("record" in value) {
    const parsed = parseRecords([value.record]);
    const [record] = parsed.ok ? parsed.value : [];
    return record ? { kind: "record", record } : fail(path, "is not a record");
  }
  if ("end" in value) {
    const parsed = parse(end, value.end);
    return parsed.ok ? { kind: "end", ...parsed.value } : fail(path, "is not an end");
  }
  if ("outcome" in value) return { kind: "outcome", value: value.outcome };
  const given = new Map<string, unknown>(Object.entries(value));
  const kind = OWN_KINDS.find((one) => given.has(one));
  return kind
    ? { kind, value: json(given.get(kind), [...path, kind]) }
    : fail(path, "is not a line of an exported log");
};

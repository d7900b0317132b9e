/**
 * An exported log as NDJSON: a header, the records in order, the device's own lines, and an end line that counts them.
 *
 *   {"dacapo":"log","v":1,"log":"team-7","cursor":"17-9f2c…"}
 *   {"record":{…}}                        one line a commit record
 *   {"sent":{…}} {"pending":{…}} {"rejection":{…}}   only a device: its settled commits, its queue, its rejections
 *   {"end":{"records":12,"own":3}}
 *
 * Client and server both write and read this form. The server ignores the device's own lines.
 *
 * Guarantees: `parseArchive` refuses a file that was cut short, that has a gap, or that was joined from two. A caller
 * writes nothing before the whole file is checked.
 */
import { describeProblem, type Parsed, refuseValue } from "../values/parsed.ts";
import { fail, json, literal, orNull, parse, parseText, type Reader, shape, text, whole } from "./reader.ts";
import type { Json } from "../values/json.ts";
import { cursorReader, parseRecords } from "./read-messages.ts";
import { type CommitRecord, type Cursor, cursorOf, encodeCursor, lastPosition, sameCursor } from "../history/record.ts";

/** The kinds of a device's own lines. The client checks their values. */
export const OWN_KINDS = ["sent", "pending", "rejection"] as const;
/** A kind of a device's own lines. */
export type OwnKind = (typeof OWN_KINDS)[number];

/** The content of a whole archive. */
export type Archive = {
  readonly log: string;
  readonly cursor: Cursor | null;
  readonly records: readonly CommitRecord[];
  readonly own: readonly { readonly kind: OwnKind; readonly value: Json }[];
};

const header = shape({ dacapo: literal("log"), v: whole(1, 1), log: text(128), cursor: orNull(cursorReader) });
const end = shape({ end: shape({ records: whole(0), own: whole(0) }) });

/** Returns the first line. */
export function headerLine(log: string, cursor: Cursor | null): string {
  return JSON.stringify({ dacapo: "log", v: 1, log, cursor: cursor && encodeCursor(cursor) });
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

/** Reads a whole archive. A problem names the first line that is not valid. */
export function parseArchive(lines: Iterable<string>): Parsed<Archive> {
  let head: { readonly log: string; readonly cursor: Cursor | null } | null = null;
  const records: CommitRecord[] = [];
  const own: Archive["own"][number][] = [];
  let ended = false;
  let number = 0;
  for (const line of lines) {
    number++;
    if (line.trim() === "") continue;
    if (ended) return refuseLine(number, "comes after the end line");
    if (!head) {
      const first = parseText(header, line);
      if (!first.ok)
        return refuseLine(number, `is not the header of an exported log: ${describeProblem(first.problem)}`);
      head = first.value;
      continue;
    }
    const read = parseText(lineReader, line);
    if (!read.ok) return refuseLine(number, describeProblem(read.problem));
    const { value } = read;
    if (value.kind === "record") {
      const last = records.at(-1);
      if (value.record.position !== (last ? lastPosition(last) : 0) + 1)
        return refuseLine(number, `has position ${value.record.position}, which does not follow the record before it`);
      records.push(value.record);
    } else if (value.kind === "end") {
      if (value.records !== records.length || value.own !== own.length)
        return refuseLine(number, "counts other lines than the file has");
      ended = true;
    } else own.push(value);
  }
  if (!head || !ended) return refuseLine(number + 1, "is missing: the file was cut short");
  const last = records.at(-1);
  if (!sameCursor(last ? cursorOf(last) : null, head.cursor))
    return refuseLine(1, "names another cursor than the last record has");
  return { ok: true, value: { ...head, records, own } };
}

type Line =
  | { readonly kind: "record"; readonly record: CommitRecord }
  | { readonly kind: "end"; readonly records: number; readonly own: number }
  | { readonly kind: OwnKind; readonly value: Json };

const lineReader: Reader<Line> = (value, path) => {
  if (typeof value !== "object" || value === null) fail(path, "is not an object");
  if ("record" in value) {
    const parsed = parseRecords([value.record]);
    const [record] = parsed.ok ? parsed.value : [];
    return record ? { kind: "record", record } : fail(path, "is not a record");
  }
  if ("end" in value) {
    const parsed = parse(end, value);
    return parsed.ok ? { kind: "end", ...parsed.value.end } : fail(path, "is not an end");
  }
  const given = new Map<string, unknown>(Object.entries(value));
  const kind = OWN_KINDS.find((one) => given.has(one));
  return kind
    ? { kind, value: json(given.get(kind), [...path, kind]) }
    : fail(path, "is not a line of an exported log");
};

function refuseLine(line: number, reason: string): Parsed<never> {
  return refuseValue(["line", line], reason);
}

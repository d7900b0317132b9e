/**
 * An exported log as NDJSON: one header, the records in order, what only a device has, and an end that counts them.
 *
 *   {"dacapo":"log","v":1,"log":"team-7","cursor":"17-9f2c…"}
 *   {"record":{…}}                        one line a commit record
 *   {"sent":{…}} {"pending":{…}} {"rejection":{…}}   on a device: own settled commits, the queue, what was refused
 *   {"end":{"records":12,"own":3}}
 *
 * Place: client and server write it and read it; each takes of the other's what it knows.
 * Holds: a file that was cut short, changed in the middle or put together from two is refused before anything is written.
 */
import type { Parsed } from "../values/parsed.ts";
import { fail, json, literal, orNull, parse, parseText, type Reader, shape, text, whole } from "./reader.ts";
import type { Json } from "../values/json.ts";
import { cursorReader, parseRecords } from "./read-messages.ts";
import { type CommitRecord, type Cursor, cursorOf, encodeCursor, lastPosition, sameCursor } from "../history/record.ts";

/** What only a device has, by kind; its own reader knows the form. */
export const OWN_KINDS = ["sent", "pending", "rejection"] as const;
export type OwnKind = (typeof OWN_KINDS)[number];

export type Archive = {
  readonly log: string;
  readonly cursor: Cursor | null;
  readonly records: readonly CommitRecord[];
  readonly own: readonly { readonly kind: OwnKind; readonly value: Json }[];
};

const header = shape({ dacapo: literal("log"), v: whole(1, 1), log: text(128), cursor: orNull(cursorReader) });
const end = shape({ end: shape({ records: whole(0), own: whole(0) }) });

export function headerLine(log: string, cursor: Cursor | null): string {
  return JSON.stringify({ dacapo: "log", v: 1, log, cursor: cursor && encodeCursor(cursor) });
}

/** `record`: the record's JSON text. */
export function recordLine(record: string): string {
  return `{"record":${record}}`;
}

export function ownLine(kind: OwnKind, value: Json): string {
  return JSON.stringify({ [kind]: value });
}

export function endLine(records: number, own: number): string {
  return JSON.stringify({ end: { records, own } });
}

/** Reads a whole archive; the first line that does not hold is named. */
export function parseArchive(lines: Iterable<string>): Parsed<Archive> {
  let head: { readonly log: string; readonly cursor: Cursor | null } | null = null;
  const records: CommitRecord[] = [];
  const own: Archive["own"][number][] = [];
  let ended = false;
  let number = 0;
  for (const line of lines) {
    number++;
    if (line.trim() === "") continue;
    if (ended) return refused(number, "stands behind the end");
    if (!head) {
      const first = parseText(header, line);
      if (!first.ok)
        return refused(
          number,
          `is not the header of an exported log: ${first.problem.path.join(".")} ${first.problem.reason}`,
        );
      head = first.value;
      continue;
    }
    const read = parseText(lineReader, line);
    if (!read.ok) return refused(number, `${read.problem.path.join(".")} ${read.problem.reason}`.trim());
    const { value } = read;
    if (value.kind === "record") {
      const last = records.at(-1);
      if (value.record.position !== (last ? lastPosition(last) : 0) + 1)
        return refused(number, `has position ${value.record.position}, which does not follow`);
      records.push(value.record);
    } else if (value.kind === "end") {
      if (value.records !== records.length || value.own !== own.length)
        return refused(number, "counts other lines than stand before it");
      ended = true;
    } else own.push(value);
  }
  if (!head || !ended) return refused(number + 1, "is missing: the file was cut short");
  const last = records.at(-1);
  if (!sameCursor(last ? cursorOf(last) : null, head.cursor))
    return refused(1, "names another end than the records have");
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
  return kind ? { kind, value: json(given.get(kind), [...path, kind]) } : fail(path, "is no line of an exported log");
};

function refused(line: number, reason: string): Parsed<never> {
  return { ok: false, problem: { path: ["line", line], reason } };
}

// Exported files: a whole one is read as it was written, and no changed one is accepted.
import { expect, test } from "vitest";
import type { CommitRecord, Cursor } from "../../../../src/core/history/record.ts";
import { cursorOf } from "../../../../src/core/history/record.ts";
import {
  ArchiveReader,
  endLine,
  headerLine,
  OWN_KINDS,
  ownLine,
  parseArchive,
  recordLine,
} from "../../../../src/core/wire/archive.ts";
import { recordsBehind } from "../../../../src/testing/log-store/fixtures.ts";

const records = recordsBehind(null, [2, 1, 3], "m");
const end = cursorOf(records.at(-1) ?? expect.fail("no record"));
const own = OWN_KINDS.map((kind, n) => ({ kind, value: { n } }));

function fileOf({ log = "team", cursor = end as Cursor | null, list = records as readonly CommitRecord[] } = {}) {
  return [
    headerLine(log, cursor),
    ...list.map((record) => recordLine(JSON.stringify(record))),
    ...own.map(({ kind, value }) => ownLine(kind, value)),
    endLine(list.length, own.length),
  ];
}

/** The reason against a file; null if the file is whole. */
function refusal(lines: readonly string[]): string | null {
  const read = parseArchive(lines);
  return read.ok ? null : `${read.problem.path.join(" ")} ${read.problem.reason}`;
}

test("parseArchive: returns what was written, with empty lines between", () => {
  const lines = fileOf().flatMap((line) => ["", line, "  "]);
  expect(parseArchive(lines)).toEqual({ ok: true, value: { log: "team", cursor: end, records, own } });
  const empty = [headerLine("team", null), endLine(0, 0)];
  expect(parseArchive(empty)).toEqual({ ok: true, value: { log: "team", cursor: null, records: [], own: [] } });
});

test("parseArchive: refuses a file of which any line is missing, double or moved", () => {
  const lines = fileOf();
  for (let at = 0; at < lines.length; at++) {
    expect(refusal(lines.filter((_, n) => n !== at)), `without line ${at}`).not.toBeNull();
    expect(refusal(lines.toSpliced(at, 0, lines[at] ?? "")), `line ${at} twice`).not.toBeNull();
    if (at > 0) expect(refusal(lines.slice(0, at)), `cut at ${at}`).not.toBeNull();
  }
  expect(refusal([lines[0] ?? "", lines[2] ?? "", lines[1] ?? "", ...lines.slice(3)])).toContain("does not follow");
  expect(refusal([])).toContain("the file was cut short");
});

test("parseArchive: the reason names the line, and what is wrong there", () => {
  const lines = fileOf();
  const withLine = (at: number, line: string) => lines.with(at, line);
  expect(refusal(withLine(2, "{"))).toContain("line 3");
  expect(refusal(["", ...withLine(1, "{}")])).toBe("line 3 is not a line of an exported log");
  expect(refusal(withLine(1, "null"))).toBe("line 2 is not an object");
  expect(refusal(withLine(1, "7"))).toBe("line 2 is not an object");
  expect(refusal(withLine(1, '{"record":{}}'))).toBe("line 2 is not a record");
  expect(refusal(withLine(7, '{"end":{}}'))).toBe("line 8 is not an end");
  expect(refusal(withLine(0, '{"dacapo":"log"}'))).toContain("line 1 is not the header of an exported log");
  expect(refusal(withLine(0, '{"dacapo":"log","v":3}'))).toContain("of a newer Dacapo");
  expect(refusal([...lines, '{"pending":{}}'])).toBe("line 9 comes after the end line");
  expect(refusal(lines.slice(0, -1))).toBe("line 8 is missing: the file was cut short");
});

test("parseArchive: refuses counts that differ in one number, and another end of the log", () => {
  const lines = fileOf();
  for (const counts of [
    { records: 2, own: 3 },
    { records: 3, own: 2 },
    { records: 4, own: 2 },
    { records: 3, own: 3, outcomes: 1 },
  ])
    expect(refusal(lines.with(-1, JSON.stringify({ end: counts })))).toContain("counts other lines");
  expect(refusal(fileOf({ cursor: { ...end, mark: "other" } }))).toContain("another cursor");
  expect(refusal(fileOf({ cursor: null }))).toContain("another cursor");
});

test("headerLine: a device's header has version 1, an operator's one version 2 and its place", () => {
  const parsed = (line: string): unknown => JSON.parse(line);
  expect(parsed(headerLine("team", null))).toEqual({ dacapo: "log", v: 1, log: "team", cursor: null });
  const whole = { dacapo: "log", v: 2, log: "team", cursor: "6-m6", after: null };
  expect(parsed(headerLine("team", { position: 6, mark: "m6" }, null))).toEqual(whole);
  const part = headerLine("team", { position: 6, mark: "m6" }, { position: 2, mark: "m2" }, 4);
  expect(parsed(part)).toEqual({ ...whole, after: "2-m2", outcomes: 4 });
});

test("parseArchive: a device reads an operator's whole archive, and refuses a part of one", () => {
  const body = records.map((record) => recordLine(JSON.stringify(record)));
  const outcomes = ['{"outcome":{"commit":"c"}}', '{"outcome":{"commit":"d"}}'];
  const endOf = (more: object = {}) => JSON.stringify({ end: { records: 3, own: 0, outcomes: 2, ...more } });
  const whole = [headerLine("team", end, null), ...body, ...outcomes, endOf()];
  expect(parseArchive(whole)).toEqual({ ok: true, value: { log: "team", cursor: end, records, own: [] } });
  expect(refusal([...whole.slice(0, -1), endOf({ more: true })])).toContain("only a server imports parts");
  const last = recordsBehind(end, [1], "m");
  const rest = [
    headerLine("team", cursorOf(last[0] ?? expect.fail("no record")), end),
    recordLine(JSON.stringify(last[0])),
    '{"end":{"records":1,"own":0}}',
  ];
  expect(refusal(rest)).toContain("only a server imports parts");
});

test("ArchiveReader: a part begins at its place, and need not reach the end of the log", () => {
  const [first, second] = [records.slice(0, 2), records.slice(2)];
  const middle = cursorOf(first.at(-1) ?? expect.fail("no record"));
  const read = (lines: readonly string[]) => {
    const reader = new ArchiveReader();
    const kinds = lines.map((line) => {
      const one = reader.read(line);
      return one.ok ? (one.value?.kind ?? "empty") : one.problem.reason;
    });
    return { kinds, isWhole: reader.finish().ok };
  };
  const lines = (list: readonly CommitRecord[]) => list.map((record) => recordLine(JSON.stringify(record)));
  const more = '{"end":{"records":2,"own":0,"more":true}}';
  expect(read([headerLine("team", end, null), ...lines(first), more])).toEqual({
    kinds: ["header", "record", "record", "end"],
    isWhole: true,
  });
  expect(read([headerLine("team", end, middle, 2), "", ...lines(second), endLine(1, 0)])).toEqual({
    kinds: ["header", "empty", "record", "end"],
    isWhole: true,
  });
  expect(read([headerLine("team", end, null), ...lines(second), endLine(1, 0)]).kinds[1]).toContain("does not follow");
  expect(read([headerLine("team", end, null), ...lines(first), endLine(2, 0)]).isWhole).toBe(false);
  expect(read([headerLine("team", end, null), ...lines(first)]).isWhole).toBe(false);
});

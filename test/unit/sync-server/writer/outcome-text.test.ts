// The client's reader can read every outcome, whatever texts an app put into it.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { DomainEvent } from "../../../../src/core/domain/event.ts";
import type { Json } from "../../../../src/core/values/json.ts";
import { parsePushAnswer } from "../../../../src/core/wire/read-messages.ts";
import { byteLength } from "../../../../src/core/values/byte-length.ts";
import {
  countOutcomes,
  emptyText,
  idTakenText,
  recordedText,
  rejectedText,
} from "../../../../src/sync-server/writer/outcome-text.ts";

const id = crypto.randomUUID();
const eventWith = (data: Json, n = 0): DomainEvent => ({
  id: `${id}:${n}`,
  type: "E",
  data,
  aggregate: "task",
  stream: "task/t1",
  version: n + 1,
  position: n + 1,
  time: 1,
  actor: "ada",
  client: id,
  meta: null,
  correlation: id,
});

function readBack(text: string) {
  const answer = parsePushAnswer(
    `{"outcomes":[${text}],"after":null,"records":[],"cursor":null,"head":0,"more":false}`,
  );
  if (!answer.ok) throw new Error(JSON.stringify(answer.problem));
  return answer.value.outcomes[0];
}

test("rejectedText: a client can read it for any code, message and path of an app", () => {
  const anyText = fc.string({ unit: "binary", maxLength: 3_000 });
  fc.assert(
    fc.property(
      anyText,
      anyText,
      fc.array(fc.oneof(fc.nat(), fc.string({ unit: "binary", maxLength: 1_500 })), { maxLength: 80 }),
      (code, message, path) => {
        expect(readBack(rejectedText(id, { code, message, path }))).toMatchObject({ id, outcome: "rejected" });
      },
    ),
    { numRuns: 40 },
  );
});

test("rejectedText: contains the latest events of other authors, up to its bound", () => {
  const many = Array.from({ length: 50 }, (_, n) => eventWith(n, n));
  expect(readBack(rejectedText(id, { code: "conflict", message: "", theirs: many }))).toMatchObject({
    theirs: Array.from({ length: 20 }, (_, n) => ({ version: n + 31 })),
  });
  const large = Array.from({ length: 20 }, (_, n) => eventWith("x".repeat(10_000), n));
  const text = rejectedText(id, { code: "conflict", message: "", theirs: large });
  expect(text.length).toBeLessThan(70_000);
  expect(readBack(text)).toMatchObject({ theirs: Array.from({ length: 6 }, (_, n) => ({ version: n + 15 })) });
  // An app's upcast may return a value that is not JSON.
  const broken = eventWith(Number.NaN);
  expect(
    readBack(rejectedText(id, { code: "conflict", message: "", theirs: [broken, eventWith(1, 1)] })),
  ).toMatchObject({ theirs: [{ version: 2 }] });
});

test("rejectedText: events of other authors stay within 64 KiB, also in other scripts", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ length: fc.nat({ max: 12_000 }), letter: fc.constantFrom("x", "ü", "語") }), {
        maxLength: 25,
      }),
      (shapes) => {
        const theirs = shapes.map(({ length, letter }, n) => eventWith(letter.repeat(length), n));
        const read = readBack(rejectedText(id, { code: "conflict", message: "", theirs }));
        const got = read?.outcome === "rejected" ? (read.theirs ?? []) : [];
        // The plain model: the latest events, at most 20, as long as all of them fit.
        let [count, bytes] = [0, 0];
        for (const event of theirs.toReversed().slice(0, 20)) {
          bytes += byteLength(JSON.stringify(event));
          if (bytes > 64 * 1024) break;
          count++;
        }
        expect(got).toEqual(theirs.slice(theirs.length - count));
      },
    ),
    { numRuns: 60 },
  );
});

test("rejectedText: an event of another author may fill the bound exactly", () => {
  const empty = byteLength(JSON.stringify(eventWith("")));
  const room = 64 * 1024 - empty;
  const fits = eventWith("x".repeat(room));
  const textOf = (theirs: readonly DomainEvent[]) => rejectedText(id, { code: "conflict", message: "", theirs });
  expect(readBack(textOf([fits]))).toMatchObject({ theirs: [fits] });
  expect(readBack(textOf([eventWith("x".repeat(room + 1))]))).toMatchObject({ theirs: [] });
});

test("rejectedText: cuts a long code, message and path, and names the command", () => {
  const path = ["name", 3, ...Array.from({ length: 70 }, () => "x".repeat(300))];
  const facts = { command: 4, code: "c".repeat(129), message: "m".repeat(2_001), path };
  expect(readBack(rejectedText(id, facts))).toEqual({
    id,
    outcome: "rejected",
    command: 4,
    code: "c".repeat(128),
    message: "m".repeat(2_000),
    path: ["name", 3, ...Array.from({ length: 62 }, () => "x".repeat(256))],
  });
  const whole = { code: "c".repeat(128), message: "m".repeat(2_000), path: ["x".repeat(256)] };
  expect(readBack(rejectedText(id, whole))).toEqual({ id, outcome: "rejected", command: 0, ...whole });
  // The cut leaves half of the last character.
  expect(readBack(rejectedText(id, { code: `${"c".repeat(127)}😀`, message: "" }))).toMatchObject({
    code: `${"c".repeat(127)}\uFFFD`,
  });
});

test("rejectedText: a plain rejection has no path, no events and a code, also without one", () => {
  const plain = { id, outcome: "rejected", command: 0, message: "no" };
  expect(JSON.parse(rejectedText(id, { code: "full", message: "no" }))).toStrictEqual({ ...plain, code: "full" });
  expect(JSON.parse(rejectedText(id, { code: "", message: "no", path: [], theirs: [] }))).toStrictEqual({
    ...plain,
    code: "rejected",
  });
});

test("recordedText: names the place of the record, and the first 20 dropped keys", () => {
  const at = { position: 3, mark: "00000000000000aa" };
  expect(JSON.parse(recordedText(id, at))).toStrictEqual({ id, outcome: "recorded", at: "3-00000000000000aa" });
  const keys = Array.from({ length: 21 }, (_, n) => `${n}`.padStart(257, "k"));
  expect(readBack(recordedText(id, at, keys))).toEqual({
    id,
    outcome: "recorded",
    at,
    dropped: keys.slice(0, 20).map((key) => key.slice(0, 256)),
  });
});

test("countOutcomes: counts each kind by its field, whatever a message contains", () => {
  const at = { position: 1, mark: "00000000000000aa" };
  const texts = [
    recordedText(id, at),
    emptyText(id),
    rejectedText(id, { code: "no", message: `"outcome":"recorded"` }),
    idTakenText(id),
    recordedText(id, at, [`"outcome":"empty"`]),
    emptyText(id),
    rejectedText(id, { code: "no", message: `"outcome":"empty"` }),
  ];
  expect(countOutcomes(texts)).toEqual({ recorded: 2, rejected: 3, empty: 2 });
  expect(countOutcomes([])).toEqual({ recorded: 0, rejected: 0, empty: 0 });
});

// The client's reader can read every outcome, whatever texts an app put into it.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { DomainEvent } from "../../../../src/core/domain/event.ts";
import type { Json } from "../../../../src/core/values/json.ts";
import { parsePushAnswer } from "../../../../src/core/wire/read-messages.ts";
import { rejectedText } from "../../../../src/sync-server/writer/outcome-text.ts";

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

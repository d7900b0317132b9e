import { expect, test } from "vitest";
import { type Cause, causeOf, correlationOf, pickCause } from "../../../../src/core/history/cause.ts";

const idOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

test("causeOf: each commit of a chain leads back to the first commit, however long the chain is", () => {
  const first = { commit: idOf(1) };
  expect(correlationOf(first)).toBe(idOf(1));
  let previous: Cause & { commit: string } = first;
  for (let n = 2; n < 6; n++) {
    const event = { id: `${previous.commit}:0`, correlation: correlationOf(previous) };
    previous = { commit: idOf(n), ...causeOf(event) };
    expect(previous.causedBy).toBe(event.id);
    expect(correlationOf(previous)).toBe(idOf(1));
  }
});

test("causeOf: names the chain only where the id of the event does not contain it", () => {
  expect(causeOf({ id: `${idOf(1)}:3`, correlation: idOf(1) })).toEqual({ causedBy: `${idOf(1)}:3` });
  expect(causeOf({ id: `${idOf(2)}:0`, correlation: idOf(1) })).toEqual({
    causedBy: `${idOf(2)}:0`,
    correlation: idOf(1),
  });
});

test("pickCause: returns only the fields of the cause, without absent ones", () => {
  const commit = { id: idOf(9), causedBy: "e", correlation: idOf(1) };
  expect(pickCause(commit)).toStrictEqual({ causedBy: "e", correlation: idOf(1) });
  expect(pickCause({ causedBy: "e" })).toStrictEqual({ causedBy: "e" });
  expect(pickCause({ correlation: idOf(1) })).toStrictEqual({ correlation: idOf(1) });
  expect(pickCause({})).toStrictEqual({});
});

import { expect, test } from "vitest";
import { sayLeftOut } from "../../../demo/board/ui/left-out.ts";

test.each([
  [{ came: 10, room: 10, lengthMax: 200 }, null],
  [{ came: 11, room: 10, lengthMax: 200 }, "The last character did not fit: the limit is 200 characters"],
  [{ came: 250, room: 200, lengthMax: 200 }, "The last 50 characters did not fit: the limit is 200 characters"],
  [{ came: 7, room: 0, lengthMax: 40 }, "The text does not fit: the limit is 40 characters"],
])("sayLeftOut: for %j returns %j", (paste, told) => {
  expect(sayLeftOut(paste)).toBe(told);
});

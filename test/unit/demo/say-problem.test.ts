import { RejectedError, StorageFullError } from "dacapo";
import { expect, test } from "vitest";
import { sayProblem } from "../../../demo/board/ui/say-problem.ts";

test("what the domain refused is told in its own words, without the name of a command or the id of a card", () => {
  const refused = new RejectedError({
    message: "move on card/23d30c8c: The column has been removed",
    fix: "The domain rejected the command. Read the row as it is now and try another command.",
    details: {
      code: "no-such-column",
      stream: "card/23d30c8c",
      command: "move",
      reason: "The column has been removed",
    },
  });
  expect(sayProblem(refused)).toBe("The column has been removed");
});

test("what went wrong otherwise is told with what to do about it", () => {
  expect(sayProblem(new StorageFullError({ message: "The disk is full", fix: "Make room." }))).toBe(
    "The disk is full. Make room",
  );
  expect(sayProblem("odd")).toBe("odd");
});

import { RejectedError, StorageFullError } from "dacapo";
import { expect, test } from "vitest";
import { sayProblem } from "../../../demo/board/ui/say-problem.ts";

test("sayProblem: a rejection shows the domain's reason, without command names and ids", () => {
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

test("sayProblem: other errors show their message and their fix", () => {
  expect(sayProblem(new StorageFullError({ message: "The disk is full", fix: "Make room." }))).toBe(
    "The disk is full. Make room",
  );
  // A message of the server ends with a full stop of its own.
  expect(sayProblem(new StorageFullError({ message: "The disk is full.", fix: "Make room." }))).toBe(
    "The disk is full. Make room",
  );
  expect(sayProblem("odd")).toBe("odd");
});

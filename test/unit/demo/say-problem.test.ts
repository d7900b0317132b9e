import { RejectedError, StorageFullError, StorageLostError } from "dacapo";
import { expect, test } from "vitest";
import { sayProblem } from "../../../demo/board/ui/say-problem.ts";
import { words } from "../../../demo/board/words/language.ts";

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
  expect(sayProblem(new StorageLostError({ message: "The disk is gone", fix: "Reload." }))).toBe(
    "The disk is gone. Reload",
  );
  // A message of the server ends with a full stop of its own.
  expect(sayProblem(new StorageLostError({ message: "The disk is gone.", fix: "Reload." }))).toBe(
    "The disk is gone. Reload",
  );
  expect(sayProblem("odd")).toBe("odd");
});

test("sayProblem: a full device is in the person's words and language", () => {
  const full = new StorageFullError({ message: "Nothing of this write was stored", fix: "Free disk space." });
  expect(sayProblem(full)).toBe(words.notices.full);
});

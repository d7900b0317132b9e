import { expect, test } from "vitest";
import { defectError } from "../../../../src/client/engine/defect-error.ts";

const request = { stream: "task/t1", name: "add", v: 1 };

test.each([
  ["invalid", "invalid", "invalid"],
  ["unknown", "unknown-aggregate", "unknown-aggregate"],
  ["unknown", "unknown-command", "unknown-command"],
  ["unreadable", "unreadable", "rejected"],
  ["failed", "failed", "rejected"],
  ["domain", "already-added", "rejected"],
  ["conflict", "conflict", "rejected"],
] as const)("defectError: a defect of the kind %s with the code %s becomes %s", (kind, code, expected) => {
  const error = defectError({ kind, code, message: "why" }, request);
  expect(error).toMatchObject({ code: expected, details: { code, stream: "task/t1", command: "add" } });
  expect(error.message).toContain("add on task/t1: why");
  expect(error.fix).not.toBe("");
});

test("defectError: each reason that the app can change has its own advice", () => {
  const fixOf = (kind: "unreadable" | "failed" | "domain" | "invalid") =>
    defectError({ kind, code: "x", message: "why" }, request).fix;
  expect(fixOf("unreadable")).toContain("newest version");
  expect(fixOf("failed")).toContain("own function");
  expect(fixOf("domain")).toContain("another command");
  expect(fixOf("invalid")).toContain("value at the path");
});

test("defectError: an invalid value has its path and reason", () => {
  const error = defectError({ kind: "invalid", code: "invalid", message: "is too long", path: ["title"] }, request);
  expect(error.details).toMatchObject({ path: ["title"], reason: "is too long" });
  expect(defectError({ kind: "domain", code: "no", message: "why" }, request).details).toMatchObject({ reason: "why" });
});

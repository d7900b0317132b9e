import { describe, expect, test } from "vitest";
import { describePlace, describeProblem, refuseValue } from "../../../../src/core/values/parsed.ts";

describe("describeProblem and describePlace", () => {
  test("describeProblem: starts with the path, or with the reason for the value itself", () => {
    expect(describeProblem({ path: ["tags", 0], reason: "is not a string" })).toBe("tags.0 is not a string");
    expect(describeProblem({ path: [], reason: "is not a string" })).toBe("is not a string");
  });

  test("describePlace: follows a noun, and is empty for the value itself", () => {
    expect(`The input${describePlace(["tags", 0])} is not valid`).toBe("The input at tags.0 is not valid");
    expect(`The input${describePlace([])} is not valid`).toBe("The input is not valid");
  });

  test("refuseValue: returns a problem that describeProblem can show", () => {
    const refused = refuseValue(["line", 3], "is not a record");
    expect(!refused.ok && describeProblem(refused.problem)).toBe("line.3 is not a record");
  });
});

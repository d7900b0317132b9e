import { describe, expect, test } from "vitest";
import { redoTarget, type StackEntry, undoTarget } from "../../../../src/client/worker/undo-stack.ts";

const request = (name: string) => ({ stream: "task/t1", name, v: 1 });
let n = 0;
const made = (id: string, links: Partial<{ undoes: string; redoes: string }> = {}, inverse = true): StackEntry => ({
  n: ++n,
  commit: {
    id,
    client: "",
    actor: "",
    time: 0,
    meta: null,
    commands: [{ ...request(id), seen: 0, reads: [], events: [] }],
  },
  undo: {
    inverse: inverse ? [request(`take back ${id}`)] : null,
    undoes: links.undoes ?? null,
    redoes: links.redoes ?? null,
  },
});
const undoes = (entries: readonly StackEntry[]) => undoTarget(entries)?.links.undoes ?? null;
const redoes = (entries: readonly StackEntry[]) => redoTarget(entries)?.links.redoes ?? null;

describe("undoTarget and redoTarget", () => {
  test("without commits: there is nothing to take back or to bring back", () => {
    expect(undoTarget([])).toBeNull();
    expect(redoTarget([])).toBeNull();
  });

  test("undo: takes back the last commit, then the commit before it; redo brings them back in turn", () => {
    const [a, b] = [made("a"), made("b")];
    expect(undoTarget([b, a])?.requests).toEqual([request("take back b")]);
    const afterOne = [a, b, made("u1", { undoes: "b" })];
    expect([undoes(afterOne), redoes(afterOne)]).toEqual(["a", "b"]);
    const afterTwo = [...afterOne, made("u2", { undoes: "a" })];
    expect([undoes(afterTwo), redoes(afterTwo)]).toEqual([null, "a"]);
    const again = [...afterTwo, made("r1", { redoes: "a" })];
    expect([undoes(again), redoes(again)]).toEqual(["r1", "b"]);
    const both = [...again, made("r2", { redoes: "b" })];
    expect([undoes(both), redoes(both)]).toEqual(["r2", null]);
  });

  test("redo: a new commit leaves nothing to bring back", () => {
    const entries = [made("a"), made("u1", { undoes: "a" }), made("b")];
    expect([undoes(entries), redoes(entries)]).toEqual(["b", null]);
  });

  test("undo: skips a commit without an inverse", () => {
    const entries = [made("a"), made("b", {}, false)];
    expect(undoes(entries)).toBe("a");
  });

  test("undo: takes a commit back again after the undo of it was rejected", () => {
    const entries = [made("a")];
    expect(undoes(entries)).toBe("a");
  });
});

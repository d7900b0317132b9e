import { afterAll, beforeEach, describe, expect, test, vi } from "vitest";
import { cleanName, logOf, proposalFor, sessionOf, whyNot } from "../../../demo/board/session.ts";

const kept = new Map<string, string>();
vi.stubGlobal("localStorage", { getItem: (key: string) => kept.get(key) ?? null });
beforeEach(() => kept.clear());
afterAll(() => void vi.unstubAllGlobals());

const asks = (log: string, as: string) => `?${new URLSearchParams({ log, as })}`;

describe("the board's address", () => {
  test("sessionOf: a board and a name open the board", () => {
    expect(sessionOf(asks("Team.7", "  Ada \n Lovelace "))).toEqual({ log: "Team.7", name: "Ada Lovelace" });
    expect(whyNot(asks("Team.7", "Ada"))).toBe(null);
  });

  test.each([
    ["../etc", "Ada", "A board cannot have the name “../etc”"],
    ["日本語", "Ada", "A board cannot have the name “日本語”"],
    ["a".repeat(129), "Ada", "at most 128"],
    ["team", "x".repeat(65), "too long for a person's name"],
    ["team", "", "To open the board “team”, enter your name"],
    ["team", "\u0000\t", "To open the board “team”, enter your name"],
  ])("whyNot: explains why the board %j and the name %j do not open a board", (log, as, why) => {
    expect(sessionOf(asks(log, as))).toBe(null);
    expect(whyNot(asks(log, as))).toContain(why);
  });

  test("whyNot: returns null for an address without a board", () => {
    expect([sessionOf(""), whyNot(""), whyNot("?as=Ada")]).toEqual([null, null, null]);
  });

  test("proposalFor: proposes the address's values, cleaned if necessary", () => {
    expect(proposalFor(asks("Team.7", ""))).toEqual({ name: "", board: "Team.7" });
    expect(proposalFor(asks("Spring Concert!", "Ada"))).toEqual({ name: "Ada", board: "spring-concert" });
    kept.set("board.name", "Ben").set("board.logs", '["largo-7"]');
    expect(proposalFor("?log=日本語")).toEqual({ name: "Ben", board: "largo-7" });
  });

  test("logOf: keeps the name of a known or requested board, and cleans a new one", () => {
    kept.set("board.logs", '["Old.Board"]');
    expect([logOf("Team.7", "?log=Team.7"), logOf("Old.Board", ""), logOf("Team.7", "")]).toEqual([
      "Team.7",
      "Old.Board",
      "team-7",
    ]);
  });

  test("cleanName: cuts a long name between characters, never within one", () => {
    expect(cleanName(`${"x".repeat(63)}👩‍👩‍👧`)).toBe("x".repeat(63));
  });

  test("proposalFor: works in a browser that blocks its memory for this site", () => {
    vi.spyOn(kept, "get").mockImplementation(() => {
      throw new DOMException("Access is denied for this document.", "SecurityError");
    });
    expect(proposalFor("?as=Ada")).toEqual({ name: "Ada", board: "" });
    expect(proposalFor("")).toEqual({ name: "", board: "" });
    vi.restoreAllMocks();
  });
});

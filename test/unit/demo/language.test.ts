import { expect, test } from "vitest";
import { addressIn, chooseLanguage, wordsIn } from "../../../demo/board/words/language.ts";

/** Each text and each function of a dictionary, by its path. */
function entriesOf(value: unknown, path = ""): readonly (readonly [string, unknown])[] {
  if (typeof value !== "object" || value === null) return [[path, value]];
  return Object.entries(value).flatMap(([key, inside]) => entriesOf(inside, path === "" ? key : `${path}.${key}`));
}

test.each([
  [[null, null, "zh-CN", "en"], "zh"],
  [[null, null, "de-DE", "zh-Hans-CN"], "zh"],
  [["en", "zh", "zh-CN"], "en"],
  [[null, "zh", "en-US"], "zh"],
  [["fr", null, "fr-FR"], "en"],
] as const)("chooseLanguage: for %j returns %s", (asked, chosen) => {
  expect(chooseLanguage(asked)).toBe(chosen);
});

test("addressIn: it keeps what the address has, and replaces its language", () => {
  expect(addressIn("zh", "http://board.test/?log=team-7&lang=en")).toBe("/?log=team-7&lang=zh");
});

test("wordsIn: both languages have a text for each key", () => {
  const [english, chinese] = [entriesOf(wordsIn("en")), entriesOf(wordsIn("zh"))];
  expect(chinese.map(([path]) => path).sort()).toEqual(english.map(([path]) => path).sort());
  expect([...english, ...chinese].filter(([, text]) => text === "")).toEqual([]);
});

test("wordsIn: no Chinese text is the English one", () => {
  const english = new Map(entriesOf(wordsIn("en")));
  expect(
    entriesOf(wordsIn("zh")).filter(([path, text]) => typeof text === "string" && english.get(path) === text),
  ).toEqual([]);
});

test("wordsIn: a domain's reason is in Chinese by its code, unchanged for an unknown one", () => {
  const { reason } = wordsIn("zh");
  expect(reason("no-such-card", "The card has been archived")).toBe("卡片已归档");
  expect(reason("odd", "A reason")).toBe("A reason");
});

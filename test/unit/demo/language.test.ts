import { expect, test } from "vitest";
import { sampleTitle } from "../../../demo/board/words/sample-titles.ts";
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

test("sampleTitle: in both languages 1,000 titles differ, also without their numbers", () => {
  const titles = (language: "en" | "zh") =>
    Array.from({ length: 1_000 }, (_, n) => sampleTitle(n, language).replace(/ \d+$/, ""));
  expect([new Set(titles("en")).size, new Set(titles("zh")).size]).toEqual([1_000, 1_000]);
  expect(titles("zh").filter((title) => /[A-Za-z]/.test(title))).toEqual([]);
  expect([sampleTitle(0, "en"), sampleTitle(0, "zh")]).toEqual([
    "Copy the scores for the cellos 1",
    "为大提琴组准备总谱 1",
  ]);
});

test("wordsIn: counts have a separator of thousands in both languages", () => {
  const said = (language: "en" | "zh") => {
    const { column, search, sync, refusals } = wordsIn(language);
    return [
      column.label("A", 10_000),
      column.doneOf(3_334, 10_000),
      search.found(12_345),
      sync.sending(1_000_000),
      refusals.forAllOf(1_234),
    ];
  };
  const separated = (texts: readonly string[]) => texts.map((text) => text.match(/\d[\d,]*/g));
  const expected = [["10,000"], ["3,334", "10,000"], ["12,345"], ["1,000,000"], ["1,234"]];
  expect(separated(said("en"))).toEqual(expected);
  expect(separated(said("zh"))).toEqual(expected);
});

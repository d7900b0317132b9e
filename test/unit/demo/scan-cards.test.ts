import fc from "fast-check";
import { expect, test } from "vitest";
import { hasWords, wordsOf } from "../../../demo/board/ui/search/card-words.ts";
import { scanCards } from "../../../demo/board/ui/search/scan-cards.ts";
import type { CardEntry } from "../../../demo/board/ui/rows.ts";

const row = {
  column: "todo",
  order: "V",
  done: false,
  assignee: null,
  comments: 0,
  archived: false,
  changedBy: "ada",
  changedAt: 0,
};
const cardOf = (key: string, title: string, description = ""): CardEntry => ({
  key,
  pending: false,
  row: { ...row, title, description },
});
const titlesOf = async (cards: readonly CardEntry[], text: string, max = 10) =>
  (await scanCards(cards, wordsOf(text), max, new AbortController().signal))?.map(({ title }) => title);

test("scanCards: it finds the beginning of each word, in small or capital letters", async () => {
  const cards = [cardOf("a", "Order new STRINGS"), cardOf("b", "Tune the strings"), cardOf("c", "Reorder strings")];
  expect(await titlesOf(cards, "ord stri")).toEqual(["Order new STRINGS"]);
  expect(await titlesOf(cards, "STRI")).toEqual(["Order new STRINGS", "Tune the strings", "Reorder strings"]);
  expect(await titlesOf(cards, "strings", 2)).toEqual(["Order new STRINGS", "Tune the strings"]);
});

test("scanCards: it finds words of a description, and of a language without spaces", async () => {
  const cards = [
    cardOf("a", "Hall", "Ask the caretaker"),
    cardOf("b", "为合唱团准备总谱 1"),
    cardOf("c", "订购新琴弦"),
  ];
  expect(await titlesOf(cards, "care")).toEqual(["Hall"]);
  expect(await titlesOf(cards, "总谱")).toEqual(["为合唱团准备总谱 1"]);
});

test("scanCards: it finds the cards that an index of words finds", async () => {
  const text = fc.string({
    unit: fc.constantFrom("a", "A", "b", "ß", "\u0130", " ", "'", "1", "-", "琴", "弦", "é", "\uFB01"),
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(text), text, async (titles, asked) => {
      const words = wordsOf(asked);
      const expected = titles.filter((title) => hasWords(wordsOf(`${title}  `), words));
      const cards = titles.map((title, n) => cardOf(String(n), title));
      expect(await titlesOf(cards, asked, titles.length + 1)).toEqual(expected);
    }),
  );
});

test("scanCards: an aborted scan of many cards returns null and stops early", async () => {
  let reads = 0;
  const many = Array.from({ length: 200_000 }, (_, n) => ({
    key: String(n),
    pending: false,
    get row() {
      reads++;
      return cardOf(String(n), "").row;
    },
  }));
  const ending = new AbortController();
  const scanning = scanCards(many, ["none"], 1, ending.signal);
  ending.abort();
  expect(await scanning).toBeNull();
  expect(reads).toBeLessThan(many.length);
});

/** The language of this page: of its address, of this browser's memory, or of the browser's own list. */
import { keep, recall } from "../memory.ts";
import { en, type Words } from "./en.ts";
import { zh } from "./zh.ts";

export type Language = "en" | "zh";

const KEY = "board.language";
const DICTIONARIES: Readonly<Record<Language, Words>> = { en, zh };

/** @param wanted languages in order of preference, such as "zh-CN" */
export function chooseLanguage(wanted: readonly (string | null)[]): Language {
  for (const tag of wanted) {
    const base = tag?.toLowerCase().split("-")[0];
    if (base === "en" || base === "zh") return base;
  }
  return "en";
}

export function wordsIn(language: Language): Words {
  return DICTIONARIES[language];
}

/** The same page in another language. */
export function addressIn(language: Language, address: string): string {
  const url = new URL(address);
  url.searchParams.set("lang", language);
  return `${url.pathname}${url.search}`;
}

function ofThisPage(): Language {
  // A test runs without a page.
  if (typeof window === "undefined") return "en";
  const wanted = new URLSearchParams(location.search).get("lang");
  if (wanted === "en" || wanted === "zh") keep(() => localStorage, KEY, wanted);
  return chooseLanguage([wanted, recall(() => localStorage, KEY), ...navigator.languages]);
}

/** It stays the same until the page is loaded again. */
export const language = ofThisPage();
export const words = wordsIn(language);

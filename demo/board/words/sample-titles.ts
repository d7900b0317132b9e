/** Titles for many cards, each different, in the language of the page that adds them. */
import type { Language } from "./language.ts";

type Parts = {
  readonly verbs: readonly string[];
  readonly things: readonly string[];
  readonly purposes: readonly string[];
  readonly title: (verb: string, thing: string, purpose: string, n: number) => string;
};

const PARTS: Readonly<Record<Language, Parts>> = {
  en: {
    verbs: ["Copy", "Order", "Tune", "Print", "Book", "Repair", "Clean", "Collect", "Return", "Check"],
    things: [
      "the scores",
      "new strings",
      "the harpsichord",
      "the posters",
      "a hall",
      "the bows",
      "the music stands",
      "the tickets",
      "the lights",
      "the programme",
    ],
    purposes: [
      "the cellos",
      "the choir",
      "the second violins",
      "the brass",
      "the soloist",
      "the matinee",
      "the tour",
      "the rehearsal",
      "the school concert",
      "the gala",
    ],
    title: (verb, thing, purpose, n) => `${verb} ${thing} for ${purpose} ${n}`,
  },
  zh: {
    verbs: ["准备", "订购", "检查", "整理", "搬运", "登记", "清点", "领取", "归还", "更换"],
    things: ["总谱", "新琴弦", "羽管键琴", "海报", "椅子", "琴弓", "谱架", "门票", "灯具", "节目单"],
    purposes: ["大提琴组", "合唱团", "第二小提琴组", "铜管组", "独奏者", "日场", "巡演", "排练", "校园音乐会", "庆典"],
    title: (verb, thing, purpose, n) => `为${purpose}${verb}${thing} ${n}`,
  },
};

/** The title with this number, such as “Copy the scores for the cellos 1”. */
export function sampleTitle(n: number, language: Language): string {
  const { verbs, things, purposes, title } = PARTS[language];
  const [verb = "", thing = "", purpose = ""] = [
    verbs[n % 10],
    things[Math.floor(n / 10) % 10],
    purposes[Math.floor(n / 100) % 10],
  ];
  return title(verb, thing, purpose, n + 1);
}

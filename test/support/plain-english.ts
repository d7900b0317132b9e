// Plain English, as far as a program can check it: words that this project does not use, sentences that begin with a
// word that names nothing, lines that no formatter can break, test names that nobody reads to the end.
import { codeFiles, type Prose, read, readProse } from "./prose.ts";

const LINE_LENGTH_MAX = 120;
const TEST_NAME_LENGTH_MAX = 90;
const SENTENCE_WORDS_MAX = 45;

/** Each with the words to write instead. CONTRIBUTING.md has the same list. */
const banned: readonly (readonly [RegExp, string])[] = [
  [/\bmend(s|ed|ing)?\b/i, "fix"],
  [/\banew\b/i, "again, rebuild"],
  [/\b(shows?|shown|showed) out\b/i, "disconnect, close"],
  [/\b(go|goes|going|went|gone) on\b/i, "continue"],
  [/\b(gives|gave|giving)\b/i, "return, assign"],
  [/\b(tell|tells|told|telling)\b/i, "send, report, show"],
  [/\b(stand|stands|stood|standing)\b/i, "store, be at, contain"],
  [/\b(ask|asks|asked|asking)\b/i, "check, request, read"],
  [/\b(look|looks|looked|looking) (at|whether|again|after|anew)\b/i, "read, check"],
  [/\b(whoever|whichever)\b/i, "name the thing"],
  [/\b(by|of|to|what|that|from) others\b|\bothers'/i, "other authors, other tabs …"],
  [/\btheirs\b/i, "other authors' events"],
  [/(?<!\bneither\b[^.]*)\bnor\b/i, "a second sentence with not"],
  [/(?:^|[.,;:] )(were|had|should) (it|they|he|she|there)\b(?![^.]*\?)/i, "if"],
  [/(?:^|[.,;:] )so may\b/i, "may also"],
  [/\b(parted|partings?|histories part)\b/i, "diverge"],
  [/\bHolds:/, "Guarantees:"],
];

/** A sentence that begins with one of these names no thing. A question may. */
const namelessSubject = /(?:^|[.!;:] +|\n\s*\n)((?:What|Who|Whose|Whoever|Those|Theirs) [^.?!]*)(?:[.!]|$)/;

/** Every finding in the project, or in the paths that begin with one of the prefixes. */
export function findProblems(prefixes: readonly string[] = []): string[] {
  const isChosen = (path: string): boolean =>
    prefixes.length === 0 || prefixes.some((prefix) => path.startsWith(prefix));
  const prose = readProse().filter(({ path }) => isChosen(path));
  return [
    ...prose.flatMap((one) => [
      ...bannedWords(one),
      ...namelessSentences(one),
      ...longSentences(one),
      ...longNames(one),
    ]),
    ...codeFiles()
      .filter(isChosen)
      .flatMap((path) => longLines(path, read(path))),
  ];
}

export function bannedWords(prose: Prose): string[] {
  return banned.flatMap(([word, instead]) => {
    const found = word.exec(prose.text);
    return found ? [`${where(prose)} "${found[0]}": use ${instead}`] : [];
  });
}

export function namelessSentences(prose: Prose): string[] {
  const found = namelessSubject.exec(prose.text);
  return found ? [`${where(prose)} "${String(found[1]).slice(0, 60)}"`] : [];
}

export function longSentences(prose: Prose): string[] {
  // A diagram has arrows and no sentences.
  const text = prose.text.replace(/^.*[─│►▼▲].*$/gm, "");
  const sentences = text.split(/[.!?:;](?:\s|$)|\n\s*(?:-|\n|[A-Z]\d+ )/);
  const long = sentences.filter((sentence) => (sentence.match(/[A-Za-z]{2,}/g)?.length ?? 0) > SENTENCE_WORDS_MAX);
  return long.map((sentence) => `${where(prose)} "${sentence.trim().slice(0, 60)} …"`);
}

export function longNames({ kind, text, ...prose }: Prose): string[] {
  return kind === "test name" && text.length > TEST_NAME_LENGTH_MAX
    ? [`${prose.path}:${prose.line} ${text.length}: ${text}`]
    : [];
}

/**
 * Prettier breaks code, but neither comments nor texts. In src both stay short. Elsewhere only comments do, because the
 * bytes of a hostile request read better on one line. A line with one long word, such as an address, cannot be broken.
 */
export function longLines(path: string, text: string): string[] {
  return text.split("\n").flatMap((line, index) => {
    const isChecked = path.startsWith("src/") || /^\s*(\/\/|\/\*\*|\*)/.test(line);
    const isLong = line.length > LINE_LENGTH_MAX && !/\S{80,}/.test(line);
    return isChecked && isLong ? [`${path}:${index + 1} ${line.length}`] : [];
  });
}

function where({ path, line, kind }: Prose): string {
  return `${path}:${line} ${kind}`;
}

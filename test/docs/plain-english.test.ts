// The check of the project's words finds the forbidden words. `npm test` runs it over the project as its own step.
import { expect, test } from "vitest";
import { bannedWords, longLines, longNames, longSentences, namelessSentences } from "../support/plain-english.ts";
import { proseOfCode, proseOfPage } from "../support/prose.ts";

test("plain English: the checks find what they forbid, and leave code alone", () => {
  const bad = proseOfCode(
    "src/a.ts",
    `// Whoever asks is told.\nconst a = { message: "What stands here is mended" };\ntest(\`${"long ".repeat(20)}\`, f);`,
  );
  expect(bad.map(({ kind, line }) => [kind, line])).toEqual([
    ["comment", 1],
    ["message", 2],
    ["test name", 3],
  ]);
  expect(bad.flatMap(bannedWords)).toHaveLength(5);
  expect(bad.flatMap(namelessSentences)).toHaveLength(2);
  expect(bad.flatMap(longNames)).toHaveLength(1);
  const good = proseOfCode(
    "src/a.ts",
    '// `theirs` and "nor" are code. What is it? It returns.\nconst told = ask(anew);',
  );
  expect([...good.flatMap(bannedWords), ...good.flatMap(namelessSentences)]).toEqual([]);
  const page = proseOfPage(
    "a.md",
    "# What is told\n\nIt is mended,\nand goes on.\n\n| What | stands |\n\n```ts\nask();\n```\n",
  );
  expect(page.map(({ line }) => line)).toEqual([3, 6, 6]);
  expect(page.flatMap(bannedWords)).toHaveLength(3);
  expect(longSentences({ path: "a.md", line: 1, kind: "page", text: "word ".repeat(46) })).toHaveLength(1);
  expect(longLines("src/a.ts", `${"x ".repeat(61)}\n// https://${"x".repeat(200)}\n`)).toHaveLength(1);
});

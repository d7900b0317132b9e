// `npm run docs:agents`: writes llms.txt and AGENTS.md from the README and docs/, for people who work with coding
// agents. Both are in the package. A test (test/docs/agent-pages.test.ts) fails if they are not current.
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const samples = ["domain.ts", "log.worker.ts", "main.ts", "server.ts", "vite.config.ts", "tsconfig.json"];
/** The sections that an author of an app needs most. */
const sections: readonly (readonly [page: string, heading: string])[] = [
  ["README.md", "How it works"],
  ["README.md", "The functions of a domain"],
  ["README.md", "Opening, executing, watching"],
  ["README.md", "Conflicts"],
  ["README.md", "Testing"],
  ["README.md", "Limits"],
  ["docs/client.md", "The outcome of a commit"],
  ["docs/client.md", "Errors"],
  ["docs/changing-a-domain.md", "Which version to raise"],
  ["docs/changing-a-domain.md", "What never changes"],
];

/** The pages by their names, as they must be. */
export function agentPages(): Readonly<Record<string, string>> {
  return { "llms.txt": llms(), "AGENTS.md": agents() };
}

/** The form of llmstxt.org: a title, a summary, and links with a sentence each. */
function llms(): string {
  const guides = ["AGENTS.md", "docs/README.md", ...guidesInOrder()];
  const reference = globSync("docs/*.md", { cwd: root })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => !guides.includes(path))
    .sort();
  const link = (path: string) => {
    const text = path === "AGENTS.md" ? agents() : read(path);
    return `- [${titleOf(text)}](${path}): ${firstSentence(text)}`;
  };
  return (
    [
      "# Dacapo",
      `> ${paragraph(read("README.md")).replaceAll("\n", " ")}`,
      "## Guides",
      [`- [README](README.md): The first app, step by step.`, ...guides.map(link)].join("\n"),
      "## Reference",
      reference.map(link).join("\n"),
      "",
    ]
      .join("\n\n")
      .trimEnd() + "\n"
  );
}

/** The pages that docs/README.md links before its reference, in the order of the first link. */
function guidesInOrder(): readonly string[] {
  const [listed = ""] = read("docs/README.md").split("## Reference");
  const links = [...listed.matchAll(/\]\((\w[\w-]*\.md)[#)]/g)].map(([, page = ""]) => `docs/${page}`);
  return [...new Set(links)];
}

function agents(): string {
  const readme = read("README.md");
  return (
    [
      "# Writing an app with Dacapo",
      "This page is for coding agents and for people in a hurry. It repeats the parts of the README and of the guides that an author of an app needs most.\n" +
        "`npm run docs:agents` writes it, so change the original pages. `CONTRIBUTING.md` in the repository has the commands and habits for work on Dacapo itself.",
      paragraph(readme),
      "## The files of an app",
      ...samples.map((name) => sampleOf(readme, name)),
      ...sections.map(([page, heading]) => sectionOf(page, heading)),
    ].join("\n\n") + "\n"
  );
}

function read(path: string): string {
  return readFileSync(join(root, path), "utf8").replaceAll("\r\n", "\n");
}

function titleOf(text: string): string {
  return /^# (.+)$/m.exec(text)?.[1] ?? "";
}

/** The first paragraph below the title. */
function paragraph(text: string): string {
  return text.split("\n\n")[1] ?? "";
}

function firstSentence(text: string): string {
  const words = paragraph(text)
    .replaceAll("\n", " ")
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
  return /^.*?[.](?= |$)/.exec(words)?.[0] ?? words;
}

function sampleOf(text: string, name: string): string {
  const start = text.search(new RegExp(`^\`\`\`\\w+ ${name.replaceAll(".", "\\.")}$`, "m"));
  if (start < 0) throw new Error(`README.md has no sample ${name}`);
  return text.slice(start, text.indexOf("\n```\n", start) + 4);
}

/** A section at the second level, up to the next heading of its own level or above. Links lead to the same files. */
function sectionOf(page: string, heading: string): string {
  const [, level = "", body = ""] =
    new RegExp(`^(#+) ${heading}\\n([\\s\\S]*?)(?=^#{2,3} |(?![\\s\\S]))`, "m").exec(read(page)) ?? [];
  if (level === "") throw new Error(`${page} has no section "${heading}"`);
  return `## ${heading}\n${body.trimEnd().replace(/\]\((?!https?:|\/)([^)]*)\)/g, (_, target: string) => {
    const own = target.startsWith("#") ? posix.basename(page) + target : target;
    return `](${posix.join(posix.dirname(page), own)})`;
  })}`
    .replace(/\n\[CONTRIBUTING\].*$/, "")
    .trimEnd();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of Object.entries(agentPages())) writeFileSync(join(root, name), text);
}

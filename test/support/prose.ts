// The sentences of the project: comments, error messages, test names, and the pages of the documentation.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSync } from "vite";
import { isNode, type Node, walk } from "../architecture/modules.ts";
import { root } from "./samples.ts";

export type Prose = {
  readonly path: string;
  readonly line: number;
  readonly kind: "comment" | "message" | "test name" | "page";
  readonly text: string;
};

const code = ["src", "test", "demo", "bench", "scripts"].map((folder) => `${folder}/**/*.{ts,tsx,mjs,js}`);
const pages = ["*.md", "docs/**/*.md", "bench/*.md"];
const builtPages = "docs/api";

export function readProse(): Prose[] {
  return [
    ...codeFiles().flatMap((path) => proseOfCode(path, read(path))),
    ...pageFiles().flatMap((path) => proseOfPage(path, read(path))),
  ];
}

export function codeFiles(): string[] {
  return globSync([...code, "*.config.ts"], { cwd: root })
    .map(slashes)
    .sort();
}

export function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

function pageFiles(): string[] {
  const found = globSync(pages, { cwd: root, exclude: (path) => slashes(String(path)).startsWith(builtPages) });
  return found
    .map(slashes)
    .filter((path) => !path.includes("node_modules/"))
    .sort();
}

export function proseOfCode(path: string, text: string): Prose[] {
  const { program, comments } = parseSync(path, text);
  const lineAt = lines(text);
  const found: Prose[] = joinComments(text, comments).map(({ start, value }) => ({
    path,
    line: lineAt(start),
    kind: "comment",
    text: withoutCode(value.replace(/@example[\s\S]*?(?=\n\s*\*?\s*@|$)/g, "").replace(/^\s*\*( |$)/gm, "")),
  }));
  // A node of oxc's tree has the shape of this project's Node.
  walk(program as unknown as Node, (node) => {
    if (node.type === "CallExpression" && isTestCall(node["callee"])) add("test name", firstArgument(node));
    if (path.startsWith("src/") && node.type === "Property" && ["message", "fix"].includes(nameOf(node["key"])))
      add("message", node["value"]);
  });
  function add(kind: Prose["kind"], node: unknown): void {
    const words = wordsOf(node);
    if (words !== null && isNode(node)) found.push({ path, line: lineAt(node.start), kind, text: words });
  }
  return found;
}

/** Paragraphs, list items and table cells, each as one text. Code and headings are left out. */
export function proseOfPage(path: string, text: string): Prose[] {
  const found: Prose[] = [];
  let paragraph = "";
  let since = 0;
  let inCode = false;
  const flush = (): void => {
    if (paragraph.trim()) found.push({ path, line: since, kind: "page", text: withoutCode(paragraph) });
    paragraph = "";
  };
  for (const [index, line] of text.split("\n").entries()) {
    if (/^\s*```/.test(line)) inCode = !inCode;
    const isBreak = inCode || /^\s*(```|#|\||[-*] |\d+\. |> |$)/.test(line);
    if (isBreak) flush();
    if (inCode || /^\s*(```|#|<|!\[|$)/.test(line)) continue;
    if (!paragraph) since = index + 1;
    if (line.trim().startsWith("|")) {
      for (const cell of line.split(/(?<!\\)\|/))
        if (/[a-z]/i.test(cell)) found.push({ path, line: index + 1, kind: "page", text: withoutCode(cell.trim()) });
    } else paragraph += ` ${line.replace(/^\s*([-*]|\d+\.|>) /, "").trim()}`;
  }
  flush();
  return found;
}

/** Code, links and quoted titles say nothing in words of their own. */
function withoutCode(text: string): string {
  return text
    .replace(/```[\s\S]*?```/g, " ")
    .replace(/`[^`\n]*`/g, "`x`")
    .replace(/\]\([^)]*\)/g, "]")
    .replace(/"[^"\n]*"/g, '"x"');
}

type Comment = { readonly type: string; readonly value: string; readonly start: number; readonly end: number };

/** Lines of `//` that follow each other are one text. */
function joinComments(text: string, comments: readonly Comment[]): { start: number; value: string }[] {
  const joined: { start: number; end: number; value: string; isLine: boolean }[] = [];
  for (const { type, value, start, end } of comments) {
    const last = joined.at(-1);
    const isLine = type === "Line";
    if (isLine && last?.isLine && /^\s*$/.test(text.slice(last.end, start))) {
      last.value += `\n${value.trim()}`;
      last.end = end;
    } else joined.push({ start, end, value: isLine ? value.trim() : value, isLine });
  }
  return joined;
}

function isTestCall(callee: unknown): boolean {
  const name = nameOf(callee);
  return ["test", "it", "describe"].includes(name);
}

/** "test" of `test`, `test.each(table)`, `describe.each`, `test.skipIf(…)`. */
function nameOf(node: unknown): string {
  if (!isNode(node)) return "";
  if (node.type === "Identifier") return String(node["name"]);
  if (node.type === "MemberExpression") return nameOf(node["object"]);
  if (node.type === "CallExpression" || node.type === "TaggedTemplateExpression")
    return nameOf(node["callee"] ?? node["tag"]);
  return "";
}

function firstArgument(node: Node): unknown {
  const given: readonly unknown[] = Array.isArray(node["arguments"]) ? node["arguments"] : [];
  return given[0];
}

/** The words of a string, of a template with its parts left out, or of strings put together; null for anything else. */
function wordsOf(node: unknown): string | null {
  if (!isNode(node)) return null;
  if (node.type === "Literal") return typeof node["value"] === "string" ? node["value"] : null;
  if (node.type === "TemplateLiteral" && Array.isArray(node["quasis"])) {
    return node["quasis"].map((part: { value: { cooked: string } }) => part.value.cooked).join("…");
  }
  if (node.type !== "BinaryExpression") return null;
  const [left, right] = [wordsOf(node["left"]), wordsOf(node["right"])];
  return left === null && right === null ? null : `${left ?? "…"}${right ?? "…"}`;
}

function lines(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => starts.findLastIndex((start) => start <= offset) + 1;
}

function slashes(path: string): string {
  return path.replaceAll("\\", "/");
}

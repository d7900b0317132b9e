// The sizes that a reader can hold in mind: lines of a file and of a function, fields of a class.
// A longer function or a larger class says why, in a comment with the word "because" right above it.
import { expect, test } from "vitest";
import { isNode, lineOf, type Module, modulesOf, type Node, parseModule, walk } from "./modules.ts";

const FILE_LINES_MAX = 300;
const FUNCTION_LINES_MAX = 80;
const CLASS_FIELDS_MAX = 12;

test(`sizes: no file of src has more than ${FILE_LINES_MAX} lines`, () => {
  const long = modulesOf("src").filter(({ text }) => text.split("\n").length - 1 > FILE_LINES_MAX);
  expect(long.map(({ path }) => path)).toEqual([]);
});

test(`sizes: no function of src has more than ${FUNCTION_LINES_MAX} lines without a reason`, () => {
  expect(modulesOf("src").flatMap(longFunctions)).toEqual([]);
});

test(`sizes: no class of src has more than ${CLASS_FIELDS_MAX} fields without a reason`, () => {
  expect(modulesOf("src").flatMap(largeClasses)).toEqual([]);
});

test("sizes: a long function and a large class are found, and a reason above them is accepted", () => {
  const body = "  work();\n".repeat(FUNCTION_LINES_MAX);
  const fields = Array.from({ length: CLASS_FIELDS_MAX + 1 }, (_, n) => `  readonly #field${n} = ${n};\n`).join("");
  const inClass = `class Kept {\n  run() {\n${body}  }\n}\n`;
  expect(longFunctions(parseModule("src/a.ts", `function long() {\n${body}}\n`))).toEqual(["src/a.ts:1 has 82 lines"]);
  expect(longFunctions(parseModule("src/a.ts", inClass))).toEqual(["src/a.ts:2 has 82 lines"]);
  expect(largeClasses(parseModule("src/a.ts", `class Large {\n${fields}}\n`))).toEqual(["src/a.ts:1 has 13 fields"]);
  const reason = "/** Long because each case is one line. */\n";
  expect(longFunctions(parseModule("src/a.ts", `${reason}export function long() {\n${body}}\n`))).toEqual([]);
  expect(largeClasses(parseModule("src/a.ts", `// Large because …\nclass Large {\n${fields}}\n`))).toEqual([]);
  expect(longFunctions(parseModule("src/a.ts", `/** Long. */\nfunction long() {\n${body}}\n`))).toHaveLength(1);
});

function longFunctions(module: Module): string[] {
  const found: string[] = [];
  walk(module.tree, (node) => {
    const isFunction = ["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"].includes(node.type);
    if (!isFunction || !isNode(node["body"])) return;
    const lines = linesOf(module, node);
    if (lines > FUNCTION_LINES_MAX && !hasReason(module, node)) {
      found.push(`${module.path}:${lineOf(module, node)} has ${lines} lines`);
    }
  });
  return found;
}

function largeClasses(module: Module): string[] {
  const found: string[] = [];
  walk(module.tree, (node) => {
    if (node.type !== "ClassBody" || !Array.isArray(node["body"])) return;
    const fields = node["body"].filter((member) => isNode(member) && isOwnField(member)).length;
    if (fields > CLASS_FIELDS_MAX && !hasReason(module, node)) {
      found.push(`${module.path}:${lineOf(module, node)} has ${fields} fields`);
    }
  });
  return found;
}

function isOwnField(member: Node): boolean {
  return (member.type === "PropertyDefinition" || member.type === "AccessorProperty") && member["static"] !== true;
}

function linesOf(module: Module, { start, end }: Node): number {
  return module.text.slice(start, Number(end)).split("\n").length;
}

/** True where a comment that ends on the line above says "because". */
function hasReason(module: Module, node: Node): boolean {
  const above = module.text.slice(0, node.start).split("\n").slice(0, -1);
  const comment: string[] = [];
  for (const line of above.reverse()) {
    if (!/^\s*(\/\/|\/\*\*|\*)/.test(line)) break;
    comment.unshift(line);
  }
  return comment.some((line) => line.includes("because"));
}

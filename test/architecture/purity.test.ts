// src/core is pure: the same input returns the same output, in every tab, on every server, in every replay.
// So core reads no clock, draws no random number, waits for nothing and calls no network.
import { expect, test } from "vitest";
import { type Module, isNode, lineOf, modulesOf, parseModule, walk } from "./modules.ts";

const bannedMembers = ["Date.now", "Math.random", "performance.now"];
const bannedObjects = ["crypto", "process", "localStorage", "indexedDB", "navigator"];
const bannedCalls = ["fetch", "setTimeout", "setInterval", "setImmediate", "queueMicrotask", "requestAnimationFrame"];

test("purity: core calls no clock, chance, timer or network, and never waits", () => {
  expect(modulesOf("src/core").flatMap(impurities)).toEqual([]);
});

test("purity: impure calls are found", () => {
  const text = [
    "Date.now()",
    "new Date()",
    "Math.random()",
    "performance.now()",
    "globalThis.crypto.randomUUID()",
    "setTimeout(f)",
    "fetch(u)",
    "async () => await f()",
    "for await (const x of y) {}",
  ].join(";\n");
  expect(impurities(parseModule("src/core/bad.ts", `async function g() { ${text} }`))).toHaveLength(11);
  const pure =
    "/** Date.now() in words */ new Date(at).toISOString(); const fetchPlan = { fetch: 1 }; fetchPlan.fetch; text('crypto.x')";
  expect(impurities(parseModule("src/core/good.ts", pure))).toEqual([]);
});

function impurities(module: Module): string[] {
  const found: string[] = [];
  walk(module.tree, (node) => {
    const name = impurityOf(node);
    if (name) found.push(`${module.path}:${lineOf(module, node)} ${name}`);
  });
  return found;
}

function impurityOf(node: { readonly type: string; readonly [field: string]: unknown }): string | undefined {
  if (node["async"] === true) return "async";
  if (node.type === "AwaitExpression" || (node.type === "ForOfStatement" && node["await"] === true)) return "await";
  if (
    node.type === "NewExpression" &&
    nameOf(node["callee"]) === "Date" &&
    (node["arguments"] as unknown[]).length === 0
  )
    return "new Date()";
  if (node.type === "CallExpression") {
    const callee = nameOf(node["callee"]);
    return callee && bannedCalls.includes(callee) ? `${callee}()` : undefined;
  }
  if (node.type === "MemberExpression") {
    const object = nameOf(node["object"]);
    if (object && bannedObjects.includes(object)) return `${object}.`;
    const member = nameOf(node);
    return member && bannedMembers.includes(member) ? member : undefined;
  }
  return undefined;
}

/** "Math.random" for that expression; `globalThis.` in front changes nothing. */
function nameOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === "Identifier") return String(node["name"]);
  if (node.type !== "MemberExpression" || node["computed"] === true) return undefined;
  const object = nameOf(node["object"]);
  const property = nameOf(node["property"]);
  return object === "globalThis" || object === "self" ? property : `${object}.${property}`;
}

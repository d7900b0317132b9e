// A file for the architecture tests: its syntax tree, its imports (types too), and the files that they lead to.
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "vite";

export const root = fileURLToPath(new URL("../..", import.meta.url));

export type Node = { readonly type: string; readonly start: number; readonly [field: string]: unknown };
export type Module = {
  /** From the project's folder, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly tree: Node;
  /** As written: "./clock.ts", "dacapo/client", "hono". */
  readonly imports: readonly string[];
};

/** The TypeScript files below the folders. A missing folder has none. */
export function modulesOf(...folders: readonly string[]): Module[] {
  return folders
    .flatMap((folder) => (existsSync(join(root, folder)) ? globSync(`${folder}/**/*.{ts,tsx}`, { cwd: root }) : []))
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => !path.endsWith(".d.ts"))
    .sort()
    .map(readModule);
}

export function parseModule(path: string, text: string): Module {
  const tree = parseSync(path, text).program as unknown as Node;
  const imports: string[] = [];
  walk(tree, (node) => {
    const source = node["source"];
    if (isNode(source) && source.type === "Literal") imports.push(String(source["value"]));
  });
  return { path, text, tree, imports };
}

/** The project's file an import leads to, or undefined for a package. */
export function targetOf(module: Module, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return posix.join(dirname(module.path), specifier);
  return undefined;
}

export function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, visit);
  }
}

export function lineOf(module: Module, node: Node): number {
  return module.text.slice(0, node.start).split("\n").length;
}

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";
}

function readModule(path: string): Module {
  return parseModule(path, readFileSync(join(root, path), "utf8"));
}

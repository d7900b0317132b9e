// Turns the compiler's output into the files of the package. `npm run build` calls it.
//
// Guarantees (scripts/check-package.ts, test/consumer):
// - dist/ contains the modules that an entry of package.json reaches, and nothing else.
// - No module for the browser has a bare import. A worker has no import map, so a page without a bundler could not
//   load such a module.
import { copyFileSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** Small libraries. The package carries a copy of each module, with the modules that it imports and its licence. */
const carried: readonly Carried[] = [
  { specifier: "comlink", library: "comlink", module: "dist/esm/comlink.mjs" },
  { specifier: "idb", library: "idb", module: "build/index.js" },
  // An older Hono of the app checks less of a token.
  { specifier: "hono/utils/jwt/jwt", library: "hono", module: "dist/utils/jwt/jwt.js" },
];
type Carried = { readonly specifier: string; readonly library: string; readonly module: string };

const RELATIVE_IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g;

type Entry = { readonly types: string; readonly default: string } | string;

/** Deletes the modules that no entry reaches, and copies the libraries. Returns the number of files in `dist`. */
export function shapePackage(
  root: string,
  exports: Readonly<Record<string, Entry>>,
  bin: Readonly<Record<string, string>>,
): number {
  const entries = [
    ...Object.values(exports).flatMap((entry) =>
      typeof entry === "string" ? [] : [join(root, entry.types), join(root, entry.default)],
    ),
    // A command has no types.
    ...Object.values(bin).map((path) => join(root, path)),
  ];
  const reached = reachFrom(entries);
  for (const path of globSync("dist/**/*.{js,ts}", { cwd: root }))
    if (!reached.has(join(root, path))) rmSync(join(root, path));
  for (const path of reached) carryInto(root, path);
  return globSync("dist/**/*.*", { cwd: root }).length;
}

/** Files that the entries import, directly or through other files. Imports in comments lead to no file. */
function reachFrom(entries: readonly string[]): Set<string> {
  const reached = new Set(entries);
  for (const path of reached) {
    for (const [, target = ""] of readFileSync(path, "utf8").matchAll(RELATIVE_IMPORT)) {
      const file = join(dirname(path), path.endsWith(".d.ts") ? target.replace(/\.[jt]s$/, ".d.ts") : target);
      if (existsSync(file)) reached.add(file);
    }
  }
  return reached;
}

/** Lets a module import the package's own copy of a library. */
function carryInto(root: string, path: string): void {
  const text = readFileSync(path, "utf8");
  let changed = text;
  for (const { specifier, library, module } of carried) {
    if (!text.includes(` from "${specifier}"`)) continue;
    if (path.endsWith(".d.ts")) throw new Error(`${path}: a public type comes from ${specifier}`);
    const from = join(root, "node_modules", library);
    const folder = join(root, "dist/carried", library);
    for (const file of reachFrom([join(from, module)])) {
      const copy = join(folder, relative(from, file).replace(/\.mjs$/, ".js"));
      mkdirSync(dirname(copy), { recursive: true });
      writeFileSync(copy, readFileSync(file, "utf8").replace(/^\/\/# sourceMappingURL=.*$/m, ""));
    }
    copyFileSync(join(from, "LICENSE"), join(folder, "LICENSE"));
    const target = relative(dirname(path), join(folder, module.replace(/\.mjs$/, ".js"))).replaceAll("\\", "/");
    changed = changed.replace(` from "${specifier}"`, ` from "${target}"`);
  }
  if (changed !== text) writeFileSync(path, changed);
}

// Checks the package before it is published. Builds it, then publint checks it like a packer and attw like a compiler.
// The package has a limit of files and bytes. `npm run test:consumer` uses it in projects of its own.
// `dacapo-source` is not checked, because it is for this repository only.
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { parseOwnJson } from "../test/support/own-json.ts";
import { npmCommand, root, runAll, script, tool } from "./programs.ts";

/** Before sources and maps were left out, the package had 1,269 files and 3.5 MB. Each entry and command adds files. */
const FILES_MAX = 725;
const BYTES_MAX = 2_950_000;
const BARE_IMPORT = /^(?:import |(?:import|export|\})[^"\n]* from )"([^."][^"]*)"/gm;

const code = await runAll([
  script(`${root}scripts/build.ts`),
  tool("publint/src/cli.js", "--strict"),
  tool(
    "@arethetypeswrong/cli/dist/index.js",
    "--pack",
    ".",
    "--profile",
    "esm-only",
    "--no-emoji",
    "--format",
    "table-flipped",
  ),
]);
process.exit(code === 0 ? checkFiles() : code);

/** Checks the size of the package, and that a page without a bundler can load the modules for the browser. */
function checkFiles(): number {
  const npm = npmCommand("pack", "--dry-run", "--ignore-scripts", "--json");
  const packed = spawnSync(npm.file, npm.args, { cwd: root, encoding: "utf8", shell: npm.shell });
  const [{ entryCount, unpackedSize } = { entryCount: Infinity, unpackedSize: Infinity }] = parseOwnJson<
    readonly { readonly entryCount: number; readonly unpackedSize: number }[]
  >(packed.stdout);
  const modules = globSync("dist/{index.js,core/**/*.js,client/**/*.js}", { cwd: root });
  const bare = modules.flatMap((path) =>
    [...readFileSync(`${root}${path}`, "utf8").matchAll(BARE_IMPORT)].map(([, name = ""]) => ({ path, name })),
  );
  const problems = [
    ...(entryCount > FILES_MAX ? [`The package has more than ${FILES_MAX} files`] : []),
    ...(unpackedSize > BYTES_MAX ? [`The package has more than ${BYTES_MAX} bytes`] : []),
    // A page's import map resolves React, which no worker loads.
    ...bare.filter(({ name }) => name !== "react").map(({ path, name }) => `${path} imports ${name}`),
  ];
  for (const problem of problems) console.error(`${problem}. scripts/shape-package.ts decides what is packed.`);
  console.log(`The package has ${entryCount} files and ${(unpackedSize / 1e6).toFixed(2)} MB.`);
  return problems.length === 0 ? 0 : 1;
}

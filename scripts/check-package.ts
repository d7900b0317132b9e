// Checks the package before it is published. Builds it, then publint checks it like a packer and attw like a compiler.
// `npm run test:consumer` uses it in projects of its own.
// `dacapo-source` is not checked, because it is for this repository only.
import { root, runAll, script, tool } from "./programs.ts";

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
process.exit(code);

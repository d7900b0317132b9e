// Would the package work once published? Builds it, then lets publint read it as a packer and attw as a compiler,
// and a project of its own use it.
// `dacapo-source` is not tried: it is for this repository only.
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
  script(`${root}scripts/check-consumer.ts`),
]);
process.exit(code);

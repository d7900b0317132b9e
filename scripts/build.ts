// Makes dist/ from src/ with the compiler only: one module in, one module out. So a bundler can leave out unused
// modules, and a stack trace names files that are in src/.
import { rmSync } from "node:fs";
import { root, run, tool } from "./programs.ts";

rmSync(`${root}dist`, { recursive: true, force: true });
process.exit(await run(tool("typescript/bin/tsc", "--project", "tsconfig.build.json")));

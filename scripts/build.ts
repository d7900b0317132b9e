// Makes dist/ from src/ with the compiler only: one module in, one module out. So a bundler can leave out unused
// modules, and a stack trace names files that are in src/. The JavaScript is the source without its types, so the
// package needs neither source maps nor the sources.
import { readFileSync, rmSync } from "node:fs";
import { root, run, tool } from "./programs.ts";
import { shapePackage } from "./shape-package.ts";
import { parseOwnJson } from "../test/support/own-json.ts";

rmSync(`${root}dist`, { recursive: true, force: true });
const code = await run(tool("typescript/bin/tsc", "--project", "tsconfig.build.json"));
if (code !== 0) process.exit(code);
type Entries = { exports: Parameters<typeof shapePackage>[1]; bin: Parameters<typeof shapePackage>[2] };
const { exports, bin } = parseOwnJson<Entries>(readFileSync(`${root}package.json`, "utf8"));
console.log(`dist/ has ${shapePackage(root, exports, bin)} files.`);

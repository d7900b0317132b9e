// Runs the command of an installed package by its file: `scripts/tool.ts [--browser] <package>/<file> [arguments…]`.
// Scripts of package.json that are one command of a package use it, because a fresh clone has no such command yet.
// With `--browser`, a browser is found or installed first.
import { requireChromium } from "./chromium.ts";
import { run, tool } from "./programs.ts";

const given = process.argv.slice(2);
const needsBrowser = given[0] === "--browser";
const [entry = "", ...args] = needsBrowser ? given.slice(1) : given;
if (needsBrowser && !(await requireChromium())) process.exit(1);
const program = tool(entry, ...args);
// Because with NODE_ENV=production React has no `act`.
process.exit(await run(entry.startsWith("vitest/") ? { ...program, env: { NODE_ENV: "test" } } : program));

// `npm run docs:api`: writes the API reference into docs/api, from the docstrings of the public entries.
//
// TypeDoc is fetched when it is needed and is no dependency: it needs TypeScript 6, because TypeScript 7 has no
// programming interface yet, and npm cannot install both for one project.
import { readFileSync } from "node:fs";
import { type Program, root, run } from "./programs.ts";

const typedoc = "typedoc@0.28.20";
const typescript = "typescript@6.0.3";

type Entry = { readonly "dacapo-source"?: string };
const { exports } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as {
  readonly exports: Readonly<Record<string, Entry | string>>;
};
const entries = Object.values(exports).flatMap((entry) =>
  typeof entry === "string" ? [] : (entry["dacapo-source"] ?? []),
);

process.exit(
  await run(
    npmExec(["--package", typedoc, "--package", typescript, "--", "typedoc", "--options", "typedoc.json", ...entries]),
  ),
);

/** The npm that runs this script, called through Node, because on Windows `npm` is a batch file. */
function npmExec(args: readonly string[]): Program {
  const npm = process.env["npm_execpath"];
  const all = ["exec", "--yes", ...args];
  return npm && /npm-cli\.[cm]?js$/.test(npm)
    ? { file: process.execPath, args: [npm, ...all] }
    : { file: "npm", args: all };
}

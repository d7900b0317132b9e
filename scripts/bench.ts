// `npm run bench [name …]`: runs the workloads of bench/, one program each and one after the other, so that
// no workload measures the memory of another. A name, or a part of it, selects workloads. If a
// workload needs a browser, one is found or installed.
import { existsSync, globSync, readFileSync } from "node:fs";
import { requireChromium } from "./chromium.ts";
import { root, run, script } from "./programs.ts";

const wanted = process.argv.slice(2);
const workloads = existsSync(`${root}bench`) ? globSync("bench/*.bench.ts", { cwd: root }).sort() : [];
const chosen = workloads.filter((path) => wanted.length === 0 || wanted.some((part) => path.includes(part)));
if (chosen.length === 0)
  console.error(`No workload has this name. Workloads in bench/: ${workloads.join(", ") || "none"}`);

const needsBrowser = chosen.some((path) => readFileSync(`${root}${path}`, "utf8").includes("support/page.ts"));
if (needsBrowser && !(await requireChromium())) process.exit(1);

const failed: string[] = [];
for (const path of chosen) {
  console.log(`\n── ${path}`);
  if ((await run(script(path))) !== 0) failed.push(path);
}
if (failed.length > 0) console.error(`\nFailed: ${failed.join(", ")}`);
process.exit(failed.length > 0 || chosen.length === 0 ? 1 : 0);

// `npm run bench [name …]`: runs the workloads of bench/, one program each and one after the other, so that
// no workload measures the memory of another. A name, or a part of it, selects workloads.
import { existsSync, globSync } from "node:fs";
import { root, run, script } from "./programs.ts";

const wanted = process.argv.slice(2);
const workloads = existsSync(`${root}bench`) ? globSync("bench/*.bench.ts", { cwd: root }).sort() : [];
const chosen = workloads.filter((path) => wanted.length === 0 || wanted.some((part) => path.includes(part)));
if (chosen.length === 0)
  console.error(`No workload has this name. Workloads in bench/: ${workloads.join(", ") || "none"}`);

const failed: string[] = [];
for (const path of chosen) {
  console.log(`\n── ${path}`);
  if ((await run(script(path))) !== 0) failed.push(path);
}
if (failed.length > 0) console.error(`\nFailed: ${failed.join(", ")}`);
process.exit(failed.length > 0 || chosen.length === 0 ? 1 : 0);

// `npm run test:consumer [name …]`: installs the packed package into new folders, builds, and opens the apps in
// Chromium. The last line counts them: "N passed, N failed". A name is the beginning of a consumer's name.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { consumers } from "../test/consumer/consumers.ts";
import { runConsumers } from "../test/consumer/run-consumers.ts";
import { ensureChromium, howToGetChromium } from "./chromium.ts";
import { root, run, script } from "./programs.ts";

const names = process.argv.slice(2);
const chosen = consumers.filter(({ name }) => names.length === 0 || names.some((start) => name.startsWith(start)));
if (chosen.length === 0) {
  console.error(`No consumer has such a name. There are: ${consumers.map(({ name }) => name).join(", ")}.`);
  process.exit(1);
}
const chromium = await ensureChromium();
if (chromium) process.env["DACAPO_CHROMIUM"] = chromium;
else console.error(`\n${howToGetChromium}\n`);
const built = await run(script(`${root}scripts/build.ts`));
if (built !== 0) process.exit(built);
const folder = mkdtempSync(join(tmpdir(), "dacapo-packed-"));
try {
  const { passed, failures } = await runConsumers(folder, chosen);
  console.log(`\n${passed} passed, ${failures.length} failed`);
  process.exitCode = failures.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

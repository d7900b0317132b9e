// `npm run test:browsers`: runs the browser tests and the end-to-end tests in Chromium, Firefox and WebKit.
//
// `npm run test:browsers -- firefox` runs one engine. It prints a line for each engine. The last line is "N passed, N
// failed".
import { execFileSync } from "node:child_process";
import { startScreen } from "../test/support/webkit/session.ts";
import { type Engine, engines, ensureEngines, findEngine, findWebKit, howToGetEngine } from "./engines.ts";
import { add, clearReports, type Count, runVitest, sentence } from "./run-vitest.ts";

/** The end-to-end tests that are about a browser. The others are about a server or about the scripts. */
const files = ["platform", "sync", "one-browser", "disk", "board", "duo", "large-board"].map(
  (name) => `test/e2e/${name}.test.ts`,
);

process.exit(await main(process.argv.slice(2)));

async function main(named: readonly string[]): Promise<number> {
  const wrong = named.find((name) => !engines.some((engine) => engine === name));
  if (wrong !== undefined) {
    console.error(`There is no engine "${wrong}". Use ${engines.join(", ")}.`);
    return 1;
  }
  clearReports();
  const present = await ensureEngines();
  const lines: string[] = [];
  const failures: string[] = [];
  let total: Count = { passed: 0, failed: 0, skipped: 0 };
  for (const engine of engines.filter((one) => named.length === 0 || named.includes(one))) {
    console.log(`\n── ${engine} ${"─".repeat(60 - engine.length)}`);
    if (!present.includes(engine)) {
      lines.push(`${engine.padEnd(9)} not on this machine. ${howToGetEngine[engine]}`);
      continue;
    }
    const start = performance.now();
    // One after the other, because side by side they would measure each other.
    const runs = [
      await runVitest({ name: `${engine}-browser`, args: ["--project", "browser"], engine }),
      await runVitest({ name: `${engine}-e2e`, args: ["--project", "e2e", ...files], engine }),
    ];
    const count = runs.map((run): Count => run).reduce(add);
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    lines.push(`${engine.padEnd(9)} ${sentence(count).padEnd(34)} ${seconds} s, ${await versionOf(engine)}`);
    failures.push(...runs.flatMap(({ flaky = [] }) => flaky).map((failure) => `flaky: ${engine} > ${failure}\n`));
    failures.push(...runs.flatMap((run) => run.failures).map((failure) => `failed: ${engine} > ${failure}\n`));
    total = add(total, count);
  }
  console.log("");
  for (const failure of failures) console.log(failure);
  for (const line of lines) console.log(line);
  console.log(`\n${sentence(total)}`);
  return total.failed > 0 || total.passed === 0 ? 1 : 0;
}

/** The version, as the browser itself prints it. MiniBrowser prints it only with a screen. */
async function versionOf(engine: Engine): Promise<string> {
  const screen = engine === "webkit" ? await startScreen(findWebKit()?.screen ?? "Xvfb") : null;
  try {
    return execFileSync(findEngine(engine) ?? engine, ["--version"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, ...(screen && { DISPLAY: screen.display }) },
    }).trim();
  } catch {
    return "version unknown";
  } finally {
    await screen?.stop();
  }
}

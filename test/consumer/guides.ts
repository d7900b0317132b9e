/**
 * Runs the server samples of the guides with the packed package, each twice, and the samples of tests once. The second
 * start finds the files of the first.
 */
import { guides, samplesOf } from "../support/samples.ts";
import type { Project } from "./support/project.ts";

/** Samples that need a Postgres, and `server.ts`, which the consumer `vite` runs. */
const elsewhere = ["many-nodes.ts", "server.ts"];

export async function runGuides(project: Project): Promise<void> {
  const samples = (await Promise.all(["README.md", ...guides].map(samplesOf))).flat();
  for (const { name, code } of samples) project.write(name, withFreePort(code));
  const sdk = ["@opentelemetry/api", "@opentelemetry/sdk-trace", "@opentelemetry/sdk-metrics"];
  await project.install("valibot", "hono", "@hono/node-server", ...sdk);
  // Many samples serve until a signal ends them. A sample is done when its last line ran.
  project.write("until-done.js", 'await import(new URL(process.argv[2] ?? "", import.meta.url)); process.exit();');
  for (const { name, code } of samples) {
    if (!/\b(?:await serve|syncServer|createServer)\(/.test(code) || elsewhere.includes(name)) continue;
    if (name.endsWith(".test.ts")) continue;
    for (const start of ["first", "second"])
      await project.node("until-done.js", `./${name}`).catch((error: unknown) => {
        throw new Error(`${name}, ${start} start`, { cause: error });
      });
  }
  const tests = samples.map(({ name }) => name).filter((name) => name.endsWith(".test.ts"));
  await project.node("--test", ...tests);
}

/** Another program of this machine may have the port of a sample. */
function withFreePort(code: string): string {
  const free = code.replaceAll(/port: \d+/g, "port: 0").replaceAll("listen(8787)", "listen(0)");
  return free.includes("port: 0") ? free : free.replace(/\bserve\(\{/, "serve({ port: 0,");
}

/** The README's first sample, pasted into files and run as a stranger would. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createServer, defaultClientConditions } from "vite";
import { writeSamples } from "../support/samples.ts";
import { freshProfile } from "./support/browser.ts";
import { unusedPort } from "./support/unused-port.ts";
import { parseOwnJson } from "../support/own-json.ts";

test("README: the first sample works when pasted, also on a second visit", async () => {
  const folder = await writeSamples(["README.md"], "readme-run");
  const port = await unusedPort();
  const server = await startSampleServer(folder, port);
  const page = await createServer({
    root: folder,
    configFile: await onPort(folder, "vite.config.ts", port),
    logLevel: "error",
    resolve: { conditions: ["dacapo-source", ...defaultClientConditions] },
    server: { host: "127.0.0.1", port: 0, hmr: false, fs: { strict: false } },
  });
  await page.listen();
  try {
    await using profile = await freshProfile();
    const tab = await (await profile.launch()).newPage();
    const errors: string[] = [];
    tab.on("pageerror", (error) => errors.push(String(error.stack)));
    await tab.goto(page.resolvedUrls?.local[0] ?? "");
    await tab.waitForFunction(() => document.body.textContent.includes("Milk"), undefined, { timeout: 20_000 });
    const readLog = () =>
      fetch(`http://127.0.0.1:${port}/sync/logs/team-7`, { headers: { authorization: "Bearer adas-secret" } });
    const readHead = async () => parseOwnJson<{ head: number }>(await (await readLog()).text()).head;
    await expect.poll(readHead).toBe(1);
    await tab.reload();
    await expect.poll(readHead).toBe(2);
    expect(errors).toEqual([]);
  } finally {
    await page.close();
    const gone = once(server, "exit");
    server.kill();
    await gone;
  }
});

async function startSampleServer(folder: string, port: number): Promise<ChildProcess> {
  const script = await onPort(folder, "server.ts", port);
  const server = spawn(process.execPath, ["--conditions=dacapo-source", script], {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit"],
  });
  for (let tries = 0; tries < 100; tries++) {
    if (
      await fetch(`http://127.0.0.1:${port}/sync/healthz`).then(
        ({ ok }) => ok,
        () => false,
      )
    )
      return server;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("The README's server does not answer");
}

/** Replaces the sample's port, because another program may use it at the moment. Returns the file's path. */
async function onPort(folder: string, file: string, port: number): Promise<string> {
  const path = join(folder, file);
  await writeFile(path, (await readFile(path, "utf8")).replace("8787", String(port)));
  return path;
}

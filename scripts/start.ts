// `npm start`: runs the demo's sync server and its page, and prints the address to open. Ctrl-C stops both.
//
// The page is built (in a second) and served like an app's page, so that it also opens without a server. `npm run dev`
// serves it from source instead, and shows each edit at once.
//
// The page's server runs in this process, the sync server in its own process. So a person can stop and start the sync
// server while the page continues to work, which is the purpose of the demo.
//
// `HOST=0.0.0.0 npm start` serves the page to other devices, such as a phone. The sync server stays on this machine,
// and the page's server passes calls to it.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { build, createLogger, createServer as createPageServer, preview, type ResolvedServerUrls } from "vite";
import { withoutProxyTraces } from "./proxy-traces.ts";
import { assertFree } from "./free-port.ts";
import { root } from "./programs.ts";

const syncPort = portFrom("PORT", 8787);
const pagePort = portFrom("PAGE_PORT", 5173);
// The time for the sync server to finish its writes after SIGTERM.
const stopMsMax = 5_000;
const development = process.argv.includes("--dev");

// The waits before a dead sync server is started again. They double, and begin again once it has listened.
const restartMs = { first: 1_000, most: 30_000 };

let stopping = false;
let syncServer: ChildProcess | undefined;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void stop(0));
// Stop if the parent was killed. Otherwise this process would remain.
process.once("disconnect", () => void stop(0));

try {
  await start();
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}\n`);
  await stop(1);
}

async function start(): Promise<void> {
  await assertFree("npm start", "PORT", syncPort, "sync server");
  await assertFree("npm start", "PAGE_PORT", pagePort, "page");
  const [urls] = await Promise.all([startPage(), startSyncServer()]);
  const [url, ...others] = [...(urls?.local ?? []), ...(urls?.network ?? [])].map((address) => address.slice(0, -1));
  console.log(`\nOpen ${url}  (open a second window to see the sync; Ctrl-C stops)\n`);
  if (others.length > 0) console.log(`Other devices: ${others.join(" or ")}\n`);
}

async function startPage(): Promise<ResolvedServerUrls | null> {
  // Set always, because each mode needs its own value, whatever the person's NODE_ENV is.
  process.env["NODE_ENV"] = development ? "development" : "production";
  process.env["PORT"] = String(syncPort); // demo/board/vite.config.ts sends /sync there
  const page = {
    root: `${root}demo/board`,
    configFile: `${root}demo/board/vite.config.ts`,
    logLevel: "warn" as const,
    customLogger: withoutProxyTraces(createLogger("warn")),
    clearScreen: false,
  };
  const address = { port: pagePort, strictPort: true, host: process.env["HOST"] || "localhost" };
  if (development) return (await (await createPageServer({ ...page, server: address })).listen()).resolvedUrls;
  // One folder for each port, because a second demo must not overwrite the files of the first.
  const outDir = `${root}.data/page-${pagePort}`;
  await build({ ...page, build: { outDir, emptyOutDir: true } });
  return (await preview({ ...page, build: { outDir }, preview: address })).resolvedUrls;
}

/** Resolves when the server reports that it listens. If it ends later, it is started again. */
function startSyncServer(): Promise<void> {
  mkdirSync(`${root}.data`, { recursive: true });
  const child = spawn(
    process.execPath,
    [
      "--conditions=dacapo-source",
      "--import",
      new URL("./end-with-parent.mjs", import.meta.url).href,
      "demo/board/server.ts",
    ],
    {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit", "ipc"],
      env: { ...process.env, PORT: String(syncPort), HOST: "localhost" },
    },
  );
  syncServer = child;
  let listening = false;
  return new Promise((resolve, reject) => {
    if (child.stdout) {
      createInterface({ input: child.stdout }).on("line", (line) => {
        console.log(`[sync] ${line}`);
        if (!line.includes("listening on")) return;
        listening = true;
        resolve();
      });
    }
    child.on("error", (error) => reject(new Error(`The sync server did not start: ${error.message}`)));
    child.on("exit", (code, signal) => {
      if (stopping) return;
      const how = signal ? `was stopped by ${signal}` : `stopped with code ${code}`;
      if (!listening) return reject(new Error(`The sync server ${how} before it listened. Its output is above.`));
      console.error(
        `\nThe sync server ${how}. The page keeps working offline. It is started again in ${restartMs.first / 1_000} s.\n`,
      );
      restartSyncServer(restartMs.first);
    });
  });
}

function restartSyncServer(waitMs: number): void {
  setTimeout(() => {
    if (stopping) return;
    const nextMs = Math.min(2 * waitMs, restartMs.most);
    startSyncServer().catch((error: unknown) => {
      console.error(
        `\n${error instanceof Error ? error.message : String(error)} The next try is in ${nextMs / 1_000} s.\n`,
      );
      restartSyncServer(nextMs);
    });
  }, waitMs);
}

async function stop(code: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  const child = syncServer;
  if (child && child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), stopMsMax);
    await ended;
    clearTimeout(timer);
  }
  process.exit(code);
}

function portFrom(name: string, usual: number): number {
  const text = process.env[name];
  if (!text) return usual;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  console.error(`\n${name} is "${text}", which is not a port. Use a whole number from 1 to 65535.\n`);
  return process.exit(1);
}

// Cloudflare's tool for the demo's Worker: it bundles the Worker, and runs it in a local workerd.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { build } from "vite";
import { type Program, root, tool } from "./programs.ts";

const config = `${root}demo/board/wrangler.jsonc`;
/** The folder of the built page that demo/board/wrangler.jsonc names. */
export const edgePage = `${root}.data/edge-page`;
const startMsMax = 60_000;
const stopMsMax = 5_000;

export function wrangler(...args: string[]): Program {
  return {
    ...tool("wrangler/bin/wrangler.js", ...args, "--config", config),
    env: {
      WRANGLER_SEND_METRICS: "false",
      // "dacapo/cloudflare" is read from src/, not from a build.
      WRANGLER_BUILD_CONDITIONS: "dacapo-source,workerd,worker,browser",
    },
  };
}

export async function buildEdgePage(): Promise<void> {
  process.env["NODE_ENV"] = "production";
  const board = { root: `${root}demo/board`, configFile: `${root}demo/board/vite.config.ts` };
  await build({ ...board, logLevel: "error", build: { outDir: edgePage, emptyOutDir: true } });
}

export type EdgeServer = {
  readonly origin: string;
  /** Everything that Wrangler and the runtime printed. */
  readonly output: () => string;
  /** Resolves with the exit code when the process ends. */
  readonly ended: Promise<number | null>;
  readonly stop: (signal?: "SIGTERM" | "SIGKILL") => Promise<void>;
};

/**
 * Runs the Worker and the built page on a port, and resolves when they answer. `folder` keeps the logs.
 * `script`: the file of another Worker with the same objects, such as the next release.
 */
export async function startEdge(port: number, folder: string, script?: string): Promise<EdgeServer> {
  const secret = crypto.randomUUID();
  const local = ["--port", String(port), "--ip", "127.0.0.1", "--persist-to", folder];
  const { file, args, env } = wrangler(
    "dev",
    ...(script === undefined ? [] : [script]),
    ...local,
    "--var",
    `TICKET_SECRET:${secret}`,
  );
  const child = spawn(file, [...args, "--show-interactive-dev-session=false"], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, because Wrangler's child workerd survives a signal to Wrangler alone.
    detached: process.platform !== "win32",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  const ended = once(child, "exit").then(([code]: unknown[]) => (typeof code === "number" ? code : null));
  const stop = async (signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> => {
    endGroup(child, signal);
    const timer = setTimeout(() => endGroup(child, "SIGKILL"), stopMsMax);
    await ended;
    clearTimeout(timer);
    // Wrangler may end before its child does.
    endGroup(child, "SIGKILL");
  };
  const origin = `http://127.0.0.1:${port}`;
  for (const start = Date.now(); Date.now() - start < startMsMax;) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    const isReady = output.includes("Ready on") && (await answers(`${origin}/sync/readyz`));
    if (isReady) return { origin, output: () => output, ended, stop };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await stop();
  throw new Error(`Wrangler did not start:\n${output}`);
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

function endGroup(child: ChildProcess, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    if (child.pid !== undefined && process.platform !== "win32") process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch {
    // The group has ended already.
  }
}

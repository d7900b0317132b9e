// Bare `workerd serve`: Cloudflare's runtime without the proxy of `wrangler dev`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import type { BenchServer } from "../server.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const binary = fileURLToPath(new URL("../../../node_modules/workerd/bin/workerd", import.meta.url));

/** The objects store their SQLite files in a folder that goes away at the end. */
export async function startWorkerd(): Promise<BenchServer> {
  const folder = await mkdtemp(join(tmpdir(), "dacapo-bench-workerd-"));
  await mkdir(join(folder, "objects"));
  await bundle(folder);
  await writeFile(join(folder, "config.capnp"), config(join(folder, "objects")));
  const child = spawn(binary, ["serve", join(folder, "config.capnp"), "--control-fd=3"], {
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  const control = child.stdio[3];
  if (!control || !("on" in control) || child.pid === undefined) throw new Error("workerd has no control pipe");
  const { pid } = child;
  const port = await new Promise<number>((resolve, reject) => {
    child.once("exit", () => reject(new Error("workerd stopped before it listened")));
    // The pipe is readable, as `spawn` made it.
    createInterface({ input: control as NodeJS.ReadableStream }).on("line", (line) => {
      const [, found] = /"port":(\d+)/.exec(line) ?? [];
      if (found) resolve(Number(found));
    });
  });
  return {
    url: `http://127.0.0.1:${port}`,
    usage: async () => usageOf(pid),
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await once(child, "exit");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function bundle(folder: string): Promise<void> {
  await build({
    root: here,
    configFile: false,
    logLevel: "warn",
    ssr: {
      noExternal: true,
      target: "webworker",
      resolve: { conditions: ["dacapo-source", "workerd", "worker", "browser", "module"] },
    },
    build: {
      ssr: join(here, "worker.ts"),
      outDir: folder,
      emptyOutDir: false,
      minify: false,
      target: "es2024",
      rolldownOptions: { external: ["cloudflare:workers"], output: { entryFileNames: "worker.js" } },
    },
  });
}

function config(disk: string): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker", esModule = embed "worker.js")],
      compatibilityDate = "2026-10-01",
      bindings = [
        (name = "LOGS", durableObjectNamespace = "EventLogObject"),
        (name = "BARE", durableObjectNamespace = "BareObject"),
        (name = "TICKET_SECRET", text = "a secret of the workload only"),
      ],
      durableObjectNamespaces = [
        (className = "EventLogObject", uniqueKey = "logs", enableSql = true),
        (className = "BareObject", uniqueKey = "bare", enableSql = true),
      ],
      durableObjectStorage = (localDisk = "disk"))),
    (name = "disk", disk = (path = ${JSON.stringify(disk)}, writable = true)),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]);
`;
}

/** From Linux's own files, because workerd reports neither. On other systems both are 0. */
function usageOf(pid: number): { readonly cpuMs: number; readonly rssBytes: number } {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    const [, rss = "0"] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    // Clock ticks of 10 ms.
    return { cpuMs: (Number(fields[11]) + Number(fields[12])) * 10, rssBytes: Number(rss) * 1024 };
  } catch {
    return { cpuMs: 0, rssBytes: 0 };
  }
}

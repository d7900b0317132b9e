/** Starts and kills the sync server as a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export type ServerProcess = {
  readonly port: number;
  /** Ends it at once, as `kill -9` does. */
  readonly kill: () => Promise<void>;
};

const script = fileURLToPath(new URL("./board-server.ts", import.meta.url));

export async function startServerProcess({
  file,
  port = 0,
  origin,
}: {
  readonly file: string;
  readonly port?: number;
  readonly origin: string;
}): Promise<ServerProcess> {
  const child = spawn(process.execPath, ["--conditions=dacapo-source", script, file, String(port), origin], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await listening(child);
  return {
    port: Number(new URL(url).port),
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}

async function listening(child: ChildProcess): Promise<string> {
  let printed = "";
  for await (const chunk of child.stdout ?? []) {
    printed += String(chunk);
    const [, url] = /listening on (\S+)/.exec(printed) ?? [];
    if (url !== undefined) return url;
  }
  throw new Error(`The server ended before it listened: ${printed}`);
}

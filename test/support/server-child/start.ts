/** Starts, asks and kills the test server that runs as a process of its own. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ChildMessage, ParentMessage, ServeRequest, ServerReport } from "./messages.ts";

export type ServerChild = {
  /** Opens the file and listens. Once. */
  readonly serve: (
    options: Omit<ServeRequest, "do" | "port"> & { readonly port?: number },
  ) => Promise<{ readonly url: string; readonly port: number }>;
  /** How it is; `gc`: after a garbage collection. */
  readonly report: (gc?: boolean) => Promise<ServerReport>;
  /** Ends it at once, as `kill -9` does; resolves when it is gone. */
  readonly kill: () => Promise<void>;
  /** True once it has ended, whoever ended it. */
  readonly hasEnded: () => boolean;
  readonly pid: number;
};

const ANSWER_MS_MAX = 20_000;
/** Compiled once for all: a child then loads in a third of the time. */
const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "dacapo-compile-cache") };
const script = fileURLToPath(new URL("./main.ts", import.meta.url));

/** Resolves when the child has loaded and waits. `file`: the program, where it was bundled before. */
export async function startServerChild(file = script): Promise<ServerChild> {
  const child = fork(file, {
    execArgv: ["--conditions=dacapo-source", "--expose-gc"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env,
  });
  await answer(child, "ready");
  const ask = async <K extends ChildMessage["is"]>(message: ParentMessage, kind: K) => {
    const answered = answer(child, kind);
    child.send(message);
    return answered;
  };
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  return {
    hasEnded,
    pid: child.pid ?? 0,
    serve: async ({ port = 0, ...options }) => {
      const { url } = await ask({ do: "serve", port, ...options }, "listening");
      return { url, port: Number(new URL(url).port) };
    },
    report: (gc = true) => ask({ do: "report", gc }, "report"),
    kill: async () => {
      if (hasEnded()) return;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}

function answer<K extends ChildMessage["is"]>(child: ChildProcess, kind: K): Promise<Extract<ChildMessage, { is: K }>> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      clearTimeout(timer);
      child.off("message", take);
      child.off("exit", gone);
      settle();
    };
    const take = (message: ChildMessage) => {
      // Found by its kind just here.
      if (message.is === kind) end(() => resolve(message as Extract<ChildMessage, { is: K }>));
    };
    const gone = () => end(() => reject(new Error(`The server ended before it said "${kind}"`)));
    const timer = setTimeout(
      () => end(() => reject(new Error(`The server did not say "${kind}" in ${ANSWER_MS_MAX} ms`))),
      ANSWER_MS_MAX,
    );
    child.on("message", take);
    child.on("exit", gone);
  });
}

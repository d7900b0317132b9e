/** Starts, requests and kills the test server in its own process. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ChildMessage, ParentMessage, ServeRequest, ServerReport } from "./messages.ts";

export type ServerChild = {
  /** Opens the store and listens. It can be called once. */
  readonly serve: (
    options: Omit<ServeRequest, "do" | "port"> & { readonly port?: number },
  ) => Promise<{ readonly url: string; readonly port: number }>;
  /** Requests a report. `gc`: after a garbage collection. */
  readonly report: (gc?: boolean) => Promise<ServerReport>;
  /** Kills the process at once, as `kill -9` does. Resolves when it has ended. */
  readonly kill: () => Promise<void>;
  /** Stops the process as a supervisor does, by SIGTERM. Resolves with its exit code when it has ended. */
  readonly stop: () => Promise<number | null>;
  /** True after the process has ended, for any reason. */
  readonly hasEnded: () => boolean;
  readonly pid: number;
};

const ANSWER_MS_MAX = 20_000;
/** All children share one compile cache, so that each loads in a third of the time. */
const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "dacapo-compile-cache") };
const script = fileURLToPath(new URL("./main.ts", import.meta.url));

/** Resolves when the child has loaded and waits. `file`: the program, for example a bundle of it. */
export async function startServerChild(file = script): Promise<ServerChild> {
  const child = fork(file, {
    execArgv: ["--conditions=dacapo-source", "--expose-gc"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env,
  });
  await answer(child, "ready");
  const request = async <K extends ChildMessage["is"]>(message: ParentMessage, kind: K) => {
    const answered = answer(child, kind);
    child.send(message);
    return answered;
  };
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  return {
    hasEnded,
    pid: child.pid ?? 0,
    serve: async ({ port = 0, ...options }) => {
      const { url } = await request({ do: "serve", port, ...options }, "listening");
      return { url, port: Number(new URL(url).port) };
    },
    report: (gc = true) => request({ do: "report", gc }, "report"),
    stop: async () => {
      const gone = once(child, "exit") as Promise<[number | null]>;
      child.kill("SIGTERM");
      const [code] = await gone;
      return code;
    },
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
    const settle = (resolveOrReject: () => void) => {
      clearTimeout(timer);
      child.off("message", onMessage);
      child.off("exit", onExit);
      resolveOrReject();
    };
    const onMessage = (message: ChildMessage) => {
      // The kind was checked, so the cast is safe.
      if (message.is === kind) settle(() => resolve(message as Extract<ChildMessage, { is: K }>));
    };
    const onExit = () => settle(() => reject(new Error(`The server ended before it sent "${kind}"`)));
    const timer = setTimeout(
      () => settle(() => reject(new Error(`The server did not send "${kind}" within ${ANSWER_MS_MAX} ms`))),
      ANSWER_MS_MAX,
    );
    child.on("message", onMessage);
    child.on("exit", onExit);
  });
}

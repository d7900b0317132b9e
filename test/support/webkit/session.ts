/**
 * A WebKitGTK browser on a screen of its own, driven by plain WebDriver calls.
 *
 * Its storage is in memory, because MiniBrowser keeps nothing on disk while it is automated. So the tabs of one session
 * share a site's storage, and the storage is gone when the session ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { findWebKit, howToGetEngine } from "../../../scripts/engines.ts";
import { unusedPort } from "../../e2e/support/unused-port.ts";

const START_MS_MAX = 20_000;

export type WebKitSession = {
  /** Sends one command of the standard. Fails with the browser's own message. */
  readonly send: (method: "GET" | "POST" | "DELETE", path: string, body?: object) => Promise<unknown>;
  /** Runs `work` on a window, and no other command meanwhile, because a session has one current window. */
  readonly inWindow: <T>(handle: string, work: () => Promise<T>) => Promise<T>;
  readonly close: () => Promise<void>;
};

/** A screen that needs no device. */
export async function startScreen(
  program: string,
): Promise<{ readonly display: string; readonly stop: () => Promise<void> }> {
  const args = ["-displayfd", "3", "-screen", "0", "1280x800x24", "-nolisten", "tcp"];
  const screen = spawn(program, args, { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  return { display: `:${await firstLine(screen)}`, stop: () => end(screen) };
}

export async function startWebKit(): Promise<WebKitSession> {
  const programs = findWebKit();
  if (!programs) throw new Error(howToGetEngine.webkit);
  const port = await unusedPort();
  const screen = await startScreen(programs.screen);
  const driver = spawn(programs.driver, [`--port=${port}`], {
    stdio: "ignore",
    // Because WebKit's sandbox does not start as root. The tests load only our own pages.
    env: { ...process.env, DISPLAY: screen.display, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" },
  });
  const stop = async () => {
    await end(driver);
    await screen.stop();
  };
  try {
    return await openSession(`http://127.0.0.1:${port}`, programs.browser, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function end(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  if (child.exitCode === null && child.signalCode === null && child.kill()) await gone;
}

async function openSession(driver: string, binary: string, stop: () => Promise<void>): Promise<WebKitSession> {
  const send = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(driver + path, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const { value } = (await response.json()) as { readonly value: unknown };
    if (response.ok) return value;
    const { error, message } = value as { readonly error: string; readonly message: string };
    throw new Error(`WebKit: ${method} ${path}: ${error}: ${message}`);
  };
  const browser = { binary, args: ["--automation"] };
  const capabilities = { alwaysMatch: { browserName: "MiniBrowser", "webkitgtk:browserOptions": browser } };
  const deadline = Date.now() + START_MS_MAX;
  for (;;) {
    const ready = await send("GET", "/status").catch(() => null);
    if (ready) break;
    if (Date.now() > deadline) throw new Error("WebKitWebDriver did not start in time");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { sessionId } = (await send("POST", "/session", { capabilities })) as { readonly sessionId: string };
  const own: WebKitSession["send"] = (method, path, body) => send(method, `/session/${sessionId}${path}`, body);
  await own("POST", "/timeouts", { script: 60_000, pageLoad: 60_000 });
  let last: Promise<unknown> = Promise.resolve();
  return {
    send: own,
    inWindow(handle, work) {
      const done = last.then(async () => {
        await own("POST", "/window", { handle });
        return work();
      });
      last = done.catch(() => {});
      return done;
    },
    async close() {
      await own("DELETE", "").catch(() => {});
      await stop();
    },
  };
}

async function firstLine(screen: ChildProcess): Promise<string> {
  const pipe = screen.stdio[3];
  if (!pipe || !("setEncoding" in pipe)) throw new Error("Xvfb has no pipe");
  const [line] = (await Promise.race([
    once(pipe, "data"),
    once(screen, "exit").then(() => Promise.reject(new Error("Xvfb did not start"))),
  ])) as unknown[];
  return String(line).trim();
}

/**
 * A WebKitGTK browser without WebDriver, because an automated one stores nothing on disk.
 *
 * It shows one page. This test page requests the next function to run from this process (`?control=…`).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { BrowserContext } from "playwright-core";
import { findWebKit, howToGetEngine } from "../../../scripts/engines.ts";
import { startScreen } from "./session.ts";

type Answer = { readonly value?: unknown; readonly error?: string };

/** The one page of a browser whose profile is in this folder. Closing it kills the browser, as a crash does. */
export async function plainWebKit(folder: string): Promise<BrowserContext> {
  const programs = findWebKit();
  if (!programs) throw new Error(howToGetEngine.webkit);
  const screen = await startScreen(programs.screen);
  let browser: ChildProcess | null = null;
  let page: ServerResponse | null = null;
  let work: { readonly source: string; readonly settle: (answer: Answer) => void } | null = null;
  const send = () => {
    if (!page || !work) return;
    page.end(work.source);
    page = null;
  };
  const server = createServer((request, response) => {
    response.setHeader("access-control-allow-origin", "*");
    if (request.method === "GET") {
      page = response;
      return send();
    }
    let text = "";
    request.on("data", (chunk) => (text += String(chunk)));
    request.on("end", () => {
      work?.settle(JSON.parse(text) as Answer);
      work = null;
      response.end();
    });
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const control = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

  const onlyPage = {
    on() {},
    async goto(url: string) {
      const environment = { DISPLAY: screen.display, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1", HOME: folder };
      const xdg = { XDG_DATA_HOME: folder, XDG_CACHE_HOME: `${folder}/cache`, XDG_CONFIG_HOME: `${folder}/config` };
      browser = spawn(programs.browser, [`${url}&control=${encodeURIComponent(control)}`], {
        stdio: "ignore",
        // A group of its own, because WebKit has a process for the page and one for the storage.
        detached: true,
        env: { ...process.env, ...environment, ...xdg },
      });
    },
    async evaluate(call: (argument: never) => unknown, argument: unknown = null) {
      const { value, error } = await new Promise<Answer>((settle) => {
        work = { source: `(${String(call)})(${JSON.stringify(argument)})`, settle };
        send();
      });
      if (error !== undefined) throw new Error(`In the page: ${error}`);
      return value;
    },
    /** Calls arrive only once the page is ready. */
    async waitForFunction() {},
  };
  const context = {
    newPage: async () => onlyPage,
    async close() {
      if (browser?.pid !== undefined && browser.exitCode === null) {
        const gone = once(browser, "exit");
        process.kill(-browser.pid, "SIGKILL");
        await gone;
      }
      await screen.stop();
      server.closeAllConnections();
      server.close();
    },
  };
  // The cast is needed, because Playwright's interface is far larger than what the tests use.
  return context as unknown as BrowserContext;
}

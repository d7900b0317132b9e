/**
 * A WebKit for tests that are written for Playwright: a `BrowserContext` is one session, with a storage of its own.
 *
 * It has only what the tests use. A call of anything else fails as a missing function.
 */
import type { BrowserContext } from "playwright-core";
import { WebKitPage } from "./page.ts";
import { startWebKit } from "./session.ts";

export async function webkitContext(): Promise<BrowserContext> {
  const session = await startWebKit();
  const first = String(await session.send("GET", "/window"));
  const context = {
    // The session's first window stays, because a session ends with its last window.
    async newPage() {
      const made = await session.inWindow(first, () => session.send("POST", "/window/new", { type: "window" }));
      const { handle } = made as { readonly handle: string };
      return Object.assign(new WebKitPage(session, handle), { context: () => context });
    },
    /** WebDriver cannot do this. The TCP proxy of the tests cuts the network. */
    async setOffline() {},
    close: () => session.close(),
  };
  // The cast is needed, because Playwright's interface is far larger than what the tests use.
  return context as unknown as BrowserContext;
}

/** Lets vitest run its browser tests in WebKit. Vitest only needs somebody who opens its page. */
import { playwright } from "@vitest/browser-playwright";
import type { BrowserProviderOption } from "vitest/node";
import { startWebKit, type WebKitSession } from "./session.ts";

declare module "vitest/browser" {
  interface BrowserCommands {
    /** vitest sends it before each test file, and its types do not name it. */
    __vitest_viewport: () => Promise<void>;
  }
}

export function webkit(): BrowserProviderOption {
  return {
    name: "webkit",
    supportedBrowser: ["webkit"],
    options: {},
    serverFactory: playwright().serverFactory,
    providerFactory: (project) => {
      // The window is large enough for every test.
      project.browser?.registerCommand("__vitest_viewport", async () => {});
      const sessions: WebKitSession[] = [];
      return {
        name: "webkit",
        supportsParallelism: false,
        getCommandsContext: () => ({}),
        async openPage(_sessionId, url) {
          const session = await startWebKit();
          sessions.push(session);
          await session.send("POST", "/url", { url });
        },
        async close() {
          for (const session of sessions.splice(0)) await session.close();
        },
      };
    },
  };
}

// A browser for the end-to-end tests, of the engine that the run names. Each has a fresh profile.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  firefox,
  type LaunchOptions,
} from "playwright-core";
import { engineOfRun, findEngine, howToGetEngine, launchOptionsOf } from "../../../scripts/engines.ts";
import { plainWebKit } from "../../support/webkit/plain-browser.ts";
import { webkitContext } from "../../support/webkit/context.ts";

export type Profile = {
  /**
   * Starts a browser on this profile, one at a time. The data that the last browser stored is there again, except in
   * WebKit, because its storage is in memory. `flags` are those of Chromium.
   */
  readonly launch: (flags?: readonly string[]) => Promise<BrowserContext>;
  /** Sets settings of Chromium, which must not run. */
  readonly prefer: (settings: object) => Promise<void>;
  /** Closes what runs and deletes the profile. */
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

export const engine = engineOfRun();

/** With `onDisk`, the profile is in that folder also in WebKit, which then shows only one page. */
export async function freshProfile({ onDisk }: { readonly onDisk?: string } = {}): Promise<Profile> {
  if (!findEngine(engine)) throw new Error(howToGetEngine[engine]);
  const folder = onDisk ?? (await mkdtemp(join(tmpdir(), "dacapo-e2e-")));
  let running: BrowserContext | undefined;
  return {
    launch: async (flags = []) => {
      running = await (engine === "webkit" && onDisk !== undefined ? plainWebKit(folder) : launch(folder, flags));
      return running;
    },
    prefer: async (settings) => {
      await mkdir(join(folder, "Default"), { recursive: true });
      await writeFile(join(folder, "Default", "Preferences"), JSON.stringify(settings));
    },
    [Symbol.asyncDispose]: async () => {
      await running?.close();
      // A browser that just closed may still write its last file.
      if (onDisk === undefined) await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

export type Profiles = {
  /** Opens a new profile, in memory. */
  readonly newContext: (options: BrowserContextOptions) => Promise<BrowserContext>;
  readonly closeAll: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Many profiles of one browser. Nothing of a profile stays when it is closed. `flags` are those of Chromium. */
export async function startProfiles(flags: readonly string[] = []): Promise<Profiles> {
  if (!findEngine(engine)) throw new Error(howToGetEngine[engine]);
  const browser = engine === "webkit" ? null : await startBrowser(engine, flags);
  const contexts = new Set<BrowserContext>();
  const closeAll = async () => {
    for (const context of contexts) await context.close();
    contexts.clear();
  };
  return {
    async newContext(options) {
      const context = browser ? await forTests(await browser.newContext(options)) : await webkitContext();
      contexts.add(context);
      return context;
    },
    closeAll,
    async close() {
      await closeAll();
      await browser?.close();
    },
  };
}

function startBrowser(of: "chromium" | "firefox", flags: readonly string[]): Promise<Browser> {
  return (of === "firefox" ? firefox : chromium).launch(
    withFlags(launchOptionsOf(of, { mayBeShell: true }), of, flags),
  );
}

function withFlags(options: LaunchOptions, of: "chromium" | "firefox", flags: readonly string[]): LaunchOptions {
  return { headless: true, ...options, ...(of === "chromium" && { args: [...(options.args ?? []), ...flags] }) };
}

async function launch(folder: string, flags: readonly string[]): Promise<BrowserContext> {
  if (engine === "webkit") return webkitContext();
  // The whole browser, because its preferences and its files on the disk take part.
  const options = withFlags(launchOptionsOf(engine), engine, flags);
  return forTests(await (engine === "firefox" ? firefox : chromium).launchPersistentContext(folder, options));
}

/** Types as a person does, because React does not notice the way in which Playwright fills a field in Firefox. */
async function forTests(context: BrowserContext): Promise<BrowserContext> {
  if (engine === "firefox")
    await context.addInitScript(() => {
      const type = (text: string) => void document.execCommand("insertText", false, text);
      Object.defineProperty(window, "__pw_bidiInsertText", { get: () => type, set: () => {} });
    });
  return context;
}

/** True for an error of the page. Firefox also reports each socket that a reload or the network closed. */
export function isPageError({ message }: Error): boolean {
  return !/^(The connection to ws:|Firefox can.t establish a connection to the server at ws:)/.test(message);
}

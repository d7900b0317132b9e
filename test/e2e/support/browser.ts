// A Chromium for the end-to-end tests. Each has a fresh profile, which survives a restart of the browser.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium } from "playwright-core";
import { chromiumFlags, findChromium, howToGetChromium } from "../../../scripts/chromium.ts";

export type Profile = {
  /** Starts a browser on this profile: what it stored the last time is there again. One at a time. */
  readonly launch: (flags?: readonly string[]) => Promise<BrowserContext>;
  /** Sets settings of the browser, which must not run. */
  readonly prefer: (settings: object) => Promise<void>;
  /** Closes what runs and deletes the profile. */
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

export async function freshProfile(): Promise<Profile> {
  const executablePath = findChromium();
  if (!executablePath) throw new Error(howToGetChromium);
  const folder = await mkdtemp(join(tmpdir(), "dacapo-e2e-"));
  let running: BrowserContext | undefined;
  return {
    launch: async (flags = []) => {
      running = await chromium.launchPersistentContext(folder, {
        executablePath,
        headless: true,
        chromiumSandbox: false,
        args: [...chromiumFlags, ...flags],
      });
      return running;
    },
    prefer: async (settings) => {
      await mkdir(join(folder, "Default"), { recursive: true });
      await writeFile(join(folder, "Default", "Preferences"), JSON.stringify(settings));
    },
    [Symbol.asyncDispose]: async () => {
      await running?.close();
      // A browser that just closed may still write its last file.
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

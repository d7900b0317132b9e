/**
 * The browsers of the tests, one for each engine. `findEngine` searches the usual places. `ensureEngines` may also
 * install them.
 *
 * Playwright drives Chromium, and a Firefox of the system over WebDriver BiDi. It cannot drive a WebKit of the system.
 * So `test/support/webkit` sends WebDriver commands to WebKitGTK's own MiniBrowser.
 */
import { globSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { LaunchOptions } from "playwright-core";
import {
  canInstallDebian,
  chromiumFlags,
  ensureChromium,
  findChromium,
  findShell,
  installDebian,
  isProgram,
} from "./chromium.ts";
import { root } from "./programs.ts";

export const engines = ["chromium", "firefox", "webkit"] as const;
export type Engine = (typeof engines)[number];

/** The engine of this run: DACAPO_ENGINE, or Chromium. */
export function engineOfRun(): Engine {
  const named = process.env["DACAPO_ENGINE"] ?? "chromium";
  const engine = engines.find((one) => one === named);
  if (!engine) throw new Error(`DACAPO_ENGINE is "${named}". Use one of: ${engines.join(", ")}.`);
  return engine;
}

/** The file of an engine's browser, or undefined if this machine does not have it. */
export function findEngine(engine: Engine): string | undefined {
  switch (engine) {
    case "chromium":
      return findChromium();
    case "firefox":
      return findFirefox();
    case "webkit":
      return findWebKit()?.browser;
  }
}

/** The programs that a test with WebKit starts: the browser, its WebDriver server and a screen without a device. */
export function findWebKit(): { readonly browser: string; readonly driver: string; readonly screen: string } | null {
  const [browser] = globSync(["/usr/lib/*/webkit*gtk-*/MiniBrowser", "/usr/libexec/webkit*gtk-*/MiniBrowser"]);
  const driver = onPath("WebKitWebDriver");
  const screen = onPath("Xvfb");
  return browser && driver && screen ? { browser, driver, screen } : null;
}

/** How Playwright starts the engine's browser. `mayBeShell`: a Chromium without windows does too. */
export function launchOptionsOf(engine: "chromium" | "firefox", { mayBeShell = false } = {}): LaunchOptions {
  const shell = engine === "chromium" && mayBeShell ? findShell() : undefined;
  const executablePath = shell ?? findEngine(engine);
  if (engine === "chromium")
    return { chromiumSandbox: false, args: [...chromiumFlags], ...(executablePath && { executablePath }) };
  return {
    channel: "moz-firefox",
    executablePath: `${root}scripts/firefox-relay.mjs`,
    env: { ...process.env, DACAPO_FIREFOX: executablePath },
    firefoxUserPrefs,
  };
}

/** The engines that this machine has. Installs Firefox and WebKit from Debian's packages if this account may do so. */
export async function ensureEngines(): Promise<readonly Engine[]> {
  await ensureChromium();
  const wanted = [...(findFirefox() ? [] : ["firefox-esr"]), ...(findWebKit() ? [] : ["webkit2gtk-driver", "xvfb"])];
  if (wanted.length > 0 && canInstallDebian()) {
    console.log(`Installing Debian's packages ${wanted.join(", ")} …`);
    await installDebian(wanted);
  }
  return engines.filter(findEngine);
}

export const howToGetEngine: Readonly<Record<Engine, string>> = {
  chromium: "Install chromium or Google Chrome, or set DACAPO_CHROMIUM=/path/to/chrome.",
  firefox: "Install firefox or firefox-esr, or set DACAPO_FIREFOX=/path/to/firefox. The tests need Linux or macOS.",
  webkit: "Install the packages webkit2gtk-driver and xvfb of Debian or Ubuntu. Safari itself cannot run these tests.",
};

/** A site gets 10 MiB, a fifth of 50 MiB, so that a test can fill its storage. Nothing else differs for our pages. */
const firefoxUserPrefs = { "dom.quotaManager.temporaryStorage.fixedLimit": 50 * 1024 };

function findFirefox(): string | undefined {
  if (process.platform === "win32") return undefined;
  const named = process.env["DACAPO_FIREFOX"];
  if (named) return named;
  const app = "/Applications/Firefox.app/Contents/MacOS/firefox";
  return onPath("firefox-esr") ?? onPath("firefox") ?? (isProgram(app) ? app : undefined);
}

function onPath(name: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isProgram);
}

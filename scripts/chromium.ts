// The browser of the tests. `findChromium` searches the usual places. `ensureChromium` may also install one.
//
// Order: the browser in DACAPO_CHROMIUM, the system's, Playwright's. A missing browser comes from Debian's packages if
// this account may install them, because they include the libraries that a browser needs. Otherwise Playwright installs
// it. `findShell` finds the same Chromium without its windows.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { basename, delimiter, dirname, isAbsolute, join } from "node:path";
import { chromium } from "playwright-core";
import { run, tool } from "./programs.ts";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge"];

const SHELL = "chromium-headless-shell";

// On these platforms browsers are not on the PATH.
const places: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
  ],
  win32: [process.env["ProgramFiles"], process.env["ProgramFiles(x86)"], process.env["LOCALAPPDATA"]].flatMap(
    (folder) =>
      folder
        ? [join(folder, "Google/Chrome/Application/chrome.exe"), join(folder, "Microsoft/Edge/Application/msedge.exe")]
        : [],
  ),
};

export const chromiumFlags = [
  "--no-sandbox", // without it Chromium does not run as root; the tests load only our own pages
  "--disable-gpu",
  "--disable-quic", // because QUIC would bypass the TCP proxy that cuts the network in tests
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function findChromium(): string | undefined {
  const named = process.env["DACAPO_CHROMIUM"];
  if (named) return named;
  const folders = process.platform === "win32" ? [] : (process.env["PATH"] ?? "").split(delimiter);
  const candidates = [
    ...names.flatMap((name) => folders.map((folder) => join(folder, name))),
    ...(places[process.platform] ?? []),
    chromium.executablePath(),
  ];
  return candidates.find(isProgram);
}

/**
 * Debian's headless shell beside Debian's Chromium: the same engine in a program without windows, settings and sync. It
 * takes about 40 % less processor time for the tests of screens. It ignores the preferences of a profile.
 */
export function findShell(): string | undefined {
  const chromium = findChromium();
  // Another browser beside it may have another version.
  if (chromium === undefined || basename(chromium) !== "chromium" || !isAbsolute(chromium)) return undefined;
  const shell = join(dirname(chromium), SHELL);
  return isProgram(shell) ? shell : undefined;
}

export async function ensureChromium(): Promise<string | undefined> {
  const present = findChromium();
  if (present) return present;
  if (canInstallDebian()) {
    console.log("There is no Chromium on this machine. Installing Debian's package …");
    await installDebian(["chromium"]);
    // By itself, because an old Debian does not have it.
    await installDebian([SHELL]);
  }
  const installed = findChromium();
  if (installed) return installed;
  console.log("Installing Playwright's Chromium …");
  // Quiet, because without a network Playwright prints four stack traces.
  await run({ ...tool("playwright-core/cli.js", "install", "chromium"), quiet: true });
  return findChromium();
}

/**
 * Finds or installs the browser and names it to all programs that this one starts. False: there is none, and the reason
 * was printed.
 */
export async function requireChromium(): Promise<boolean> {
  const chromium = await ensureChromium();
  if (chromium) process.env["DACAPO_CHROMIUM"] = chromium;
  else console.error(`\n${howToGetChromium}\n`);
  return chromium !== undefined;
}

export const howToGetChromium =
  "This needs a Chromium. This machine has none, and it could not be installed. Install chromium or Google " +
  "Chrome with your system's package manager, or set DACAPO_CHROMIUM=/path/to/chrome. " +
  "Without a browser, `npm run check` runs the rest.";

// Not on Ubuntu, because its package of this name only installs a snap, which a container cannot run.
export function canInstallDebian(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return false;
  return !/^ID=ubuntu/m.test(spawnSync("cat", ["/etc/os-release"], { encoding: "utf8" }).stdout);
}

export async function installDebian(packages: readonly string[]): Promise<void> {
  const quiet = ["-qq", "-o", "DPkg::Lock::Timeout=300"];
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run({ file: "apt-get", args: [...quiet, "update"], env });
  await run({ file: "apt-get", args: [...quiet, "install", "-y", "--no-install-recommends", ...packages], env });
}

export function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

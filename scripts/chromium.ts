// The browser of the tests. `findChromium` searches for one; `ensureChromium` may also install one.
//
// Order: the one a person names, the system's, Playwright's. A missing one comes from Debian's packages
// when we may install them (they bring the libraries a browser needs), else from Playwright.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";
import { run, tool } from "./programs.ts";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge"];

// On other systems browsers are not on the PATH.
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
  "--no-sandbox", // Chromium refuses root without it; the tests load our own pages only
  "--disable-gpu",
  "--disable-quic", // a TCP proxy cuts the network in tests; QUIC would go around it
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

export async function ensureChromium(): Promise<string | undefined> {
  const present = findChromium();
  if (present) return present;
  if (canInstallDebian()) {
    console.log("No Chromium on this machine; installing Debian's package …");
    const quiet = ["-qq", "-o", "DPkg::Lock::Timeout=300"];
    const env = { DEBIAN_FRONTEND: "noninteractive" };
    await run({ file: "apt-get", args: [...quiet, "update"], env });
    await run({ file: "apt-get", args: [...quiet, "install", "-y", "--no-install-recommends", "chromium"], env });
  }
  const installed = findChromium();
  if (installed) return installed;
  console.log("Installing Playwright's Chromium …");
  await run({ ...tool("playwright-core/cli.js", "install", "chromium"), quiet: true }); // without network: four stack traces
  return findChromium();
}

export const howToGetChromium =
  "The browser tests need a Chromium, and none was found or could be installed. Install chromium or Google Chrome " +
  "with your system's package manager, or name one: DACAPO_CHROMIUM=/path/to/chrome npm test. " +
  "Without a browser, `npm run check` runs the rest.";

// Ubuntu's package of this name is only a pointer to a snap, which a container cannot run.
function canInstallDebian(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return false;
  return !/^ID=ubuntu/m.test(spawnSync("cat", ["/etc/os-release"], { encoding: "utf8" }).stdout);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

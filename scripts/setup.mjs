// Installs the project's packages, then runs a script: `node scripts/setup.mjs [script [arguments…]]`.
//
// Only this script runs on the machine's own Node (20 or later). All other scripts run on the Node of node_modules.
// So it is plain JavaScript and imports only Node's modules.
//
// Guarantees:
// - At most one installation runs at a time, however many commands start together.
// - If the installed packages match the lock file, nothing is installed.
// - A signal reaches the script, and this process exits with the script's code.
// - If npm is killed, the script stops too.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const windows = process.platform === "win32";
const oldestNode = 20;
const ownNode = join(root, "node_modules", "node", "bin", windows ? "node.exe" : "node");
const stampFile = join(root, "node_modules", ".dacapo-setup");
// Outside node_modules, because npm ci empties that folder while the lock is held.
const lockFile = join(root, ".setup.lock");
// An installation takes a minute on a slow line. After ten minutes, its process is gone or hangs.
const lockWaitMsMax = 10 * 60_000;
const startedBy = ancestors();

await main(process.argv.slice(2));

async function main([script, ...args]) {
  if (Number(process.versions.node.split(".")[0]) < oldestNode) {
    fail(
      `Dacapo's scripts need Node ${oldestNode} or later. This is ${process.version}. Install a newer one from nodejs.org.`,
    );
  }
  await withLock(install);
  if (script) handOver(join(root, script), args);
}

function install() {
  if (isInstalled()) return;
  console.log("Installing the packages of package-lock.json …");
  // Because NODE_ENV=production or a person's own npm settings would otherwise leave out packages that the tests need.
  // An install script brings Node.
  const npm = npmCommand([
    "ci",
    "--include=dev",
    "--include=optional",
    "--ignore-scripts=false",
    "--prefer-offline",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    // Because with npm's own settings a person without a network waits for more than a minute.
    "--fetch-retries=3",
    "--fetch-retry-mintimeout=500",
    "--fetch-retry-maxtimeout=4000",
  ]);
  const result = spawnSync(npm.file, npm.args, {
    cwd: root,
    stdio: ["ignore", "inherit", "pipe"],
    encoding: "utf8",
    shell: npm.shell,
  });
  if (result.error) fail(`npm did not start (${result.error.message}). Install Node with npm from nodejs.org.`);
  if (result.status !== 0) fail(reasonOf(result.stderr));
  if (!nodeRuns())
    fail(
      `The packages are installed, but ${ownNode} does not run on this machine (${process.platform}, ${process.arch}).`,
    );
  writeFileSync(stampFile, stamp());
}

/** True if node_modules matches the lock file, by the stamp file or by npm's own record of the installed packages. */
function isInstalled() {
  if (!existsSync(ownNode)) return false;
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp()) return true;
  if (!matchesLock() || !nodeRuns()) return false;
  writeFileSync(stampFile, stamp());
  return true;
}

function matchesLock() {
  const record = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(record)) return false;
  const installed = JSON.parse(readFileSync(record, "utf8")).packages;
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const names = new Set([...Object.keys(installed), ...Object.keys(wanted)]);
  names.delete("");
  for (const name of names) {
    // Packages for other platforms are in the lock and are not installed.
    if (!installed[name] && wanted[name]?.optional) continue;
    if (installed[name]?.version !== wanted[name]?.version) return false;
  }
  return true;
}

function stamp() {
  const hash = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  return `${hash} ${process.platform} ${process.arch}\n`;
}

function nodeRuns() {
  return spawnSync(ownNode, ["--version"]).status === 0;
}

/**
 * The npm that runs this script, called through Node, because "npm" may be another one, and a batch file on Windows.
 */
function npmCommand(args) {
  const own = process.env.npm_execpath;
  if (own && /npm-cli\.[cm]?js$/.test(own)) return { file: process.execPath, args: [own, ...args], shell: false };
  return { file: "npm", args, shell: windows };
}

function reasonOf(stderr) {
  const text = stderr.trim();
  if (
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|network/.test(
      text,
    )
  ) {
    return (
      "The packages could not be downloaded, because the npm registry cannot be reached. Dacapo needs the network once, for its " +
      "first start. Behind a proxy, run `npm config set proxy …`.\n" +
      linesWith(text, /code|request to/)
    );
  }
  if (/ENOSPC/.test(text))
    return "The packages could not be installed, because the disk is full. They need about 700 MB: free some space.";
  if (/EACCES|EPERM|EROFS/.test(text))
    return `The packages cannot be written, because this account may not write to ${join(root, "node_modules")}.\n${lastLines(text, 3)}`;
  return `npm ci failed:\n${lastLines(text, 20)}`;
}

function lastLines(text, count) {
  return text.split("\n").slice(-count).join("\n");
}

function linesWith(text, pattern) {
  return text
    .split("\n")
    .filter((line) => pattern.test(line))
    .slice(0, 3)
    .join("\n");
}

async function withLock(action) {
  const since = Date.now();
  let told = false;
  while (!takeLock()) {
    if (Date.now() - since > lockWaitMsMax)
      fail(
        `Another command has been installing the packages for ten minutes. If no other command runs, delete ${lockFile}.`,
      );
    if (!told) console.log("Waiting for another command that installs the packages …");
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  // Because Ctrl-C while npm runs must not leave the lock behind.
  process.once("exit", releaseLock);
  try {
    action();
  } finally {
    releaseLock();
    process.off("exit", releaseLock);
  }
}

function takeLock() {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code === "EEXIST") {
      if (isLockStale()) rmSync(lockFile, { force: true });
      return false;
    }
    return fail(`The packages cannot be installed, because ${root} cannot be written to (${error.code}).`);
  }
}

function isLockStale() {
  try {
    const owner = Number(readFileSync(lockFile, "utf8"));
    // A new file is empty until its first byte is written, so an empty file is stale only after a while.
    if (!owner) return Date.now() - statSync(lockFile).mtimeMs > 5_000;
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

function releaseLock() {
  rmSync(lockFile, { force: true });
}

function handOver(script, args) {
  const child = spawn(ownNode, ["--conditions=dacapo-source", script, ...args], {
    cwd: root,
    stdio: ["inherit", "inherit", "inherit", "ipc"],
  });
  // Ignored, because a terminal sends Ctrl-C to the child too, and this process waits until the child has stopped.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  // Polled, because a killed npm sends no signal.
  setInterval(() => ancestors() !== startedBy && child.kill("SIGTERM"), 1_000).unref();
  child.on("error", (error) => fail(`${script} did not start: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
}

/**
 * The parent process as a text that changes when it is gone; also npm, if the parent is the shell between npm and this
 * process.
 */
function ancestors() {
  const parent = windows || !process.env.npm_execpath ? undefined : lookUp(process.ppid);
  return parent?.name.endsWith("sh") ? `${process.ppid} ${parent.parent}` : String(process.ppid);
}

/** A process's name and its parent; undefined if the system does not report them. */
function lookUp(pid) {
  try {
    // "pid (name) state parent …"
    const [, name, parent] = /\((.*)\) \S (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    return { name, parent };
  } catch {
    const [, parent, name] =
      /(\d+)\s+(.+)/.exec(
        spawnSync("ps", ["-o", "ppid=,comm=", "-p", String(pid)], { encoding: "utf8" }).stdout ?? "",
      ) ?? [];
    return name && { name: name.trim(), parent };
  }
}

function fail(sentence) {
  console.error(`\n${sentence}\n`);
  return process.exit(1);
}

// Installs the packages if needed, then runs a script: `node scripts/setup.mjs [script [arguments…]]`.
//
// Only this script runs on the Node of the machine (20 or later). Everything after it runs on the Node of node_modules.
// So it is plain JavaScript and imports nothing but Node.
//
// Guarantees:
// - At most one installation runs at a time, also when several commands start together.
// - Nothing is installed if node_modules already matches the lock file.
// - A signal reaches the script, and the script's exit code is the exit code of this process.
// - If npm is killed, the script ends too.
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
// Outside node_modules: npm ci empties that folder while the lock is held.
const lockFile = join(root, ".setup.lock");
// An installation takes a minute on a slow line. After ten minutes its owner is gone or hangs.
const lockWaitMsMax = 10 * 60_000;
const startedBy = ancestors();

await main(process.argv.slice(2));

async function main([script, ...args]) {
  if (Number(process.versions.node.split(".")[0]) < oldestNode) {
    fail(
      `Dacapo's scripts need Node ${oldestNode} or later to begin with; this is ${process.version}. Newer ones are at nodejs.org.`,
    );
  }
  await withLock(install);
  if (script) handOver(join(root, script), args);
}

function install() {
  if (isInstalled()) return;
  console.log("Installing the packages of package-lock.json …");
  // Without `include` and `ignore-scripts=false`, NODE_ENV=production or a person's own npm settings
  // would leave out what the tests need. Node comes by an install script.
  const npm = npmCommand([
    "ci",
    "--include=dev",
    "--include=optional",
    "--ignore-scripts=false",
    "--prefer-offline",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    // Fewer retries, because without a network npm otherwise waits for more than a minute.
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
  if (result.error) fail(`npm could not be started (${result.error.message}). It comes with Node: nodejs.org.`);
  if (result.status !== 0) fail(reasonOf(result.stderr));
  if (!nodeRuns())
    fail(
      `The packages are installed, but ${ownNode} does not run on this machine (${process.platform}, ${process.arch}).`,
    );
  writeFileSync(stampFile, stamp());
}

/** True if node_modules matches the lock file: by our stamp, or by npm's own record of the installation. */
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
    // Skip packages for other platforms, which are in the lock and are not installed.
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

/** The npm that runs us, called through Node: a bare "npm" may be another one, and on Windows it is a batch file. */
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
      "The packages could not be downloaded: the npm registry is out of reach. Dacapo needs the network once, for its first start; " +
      "behind a proxy, tell npm with `npm config set proxy …`.\n" +
      linesWith(text, /code|request to/)
    );
  }
  if (/ENOSPC/.test(text)) return "The packages do not fit: the disk is full. They need about 700 MB.";
  if (/EACCES|EPERM|EROFS/.test(text))
    return `The packages cannot be written into ${join(root, "node_modules")}: no permission.\n${lastLines(text, 3)}`;
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
      fail(`Another command has been installing for ten minutes. If none is running, delete ${lockFile}.`);
    if (!told) console.log("Another command is installing the packages; waiting for it …");
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  // Release the lock on exit too, because Ctrl-C may end this process while npm runs.
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
    return fail(`${root} cannot be written to (${error.code}); the packages are installed there.`);
  }
}

function isLockStale() {
  try {
    const owner = Number(readFileSync(lockFile, "utf8"));
    // An empty file is young and not stale, because the owner's id is written after the file is created.
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
  // Ignore Ctrl-C here, because a terminal also sends it to the child, which must clean up first.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  // Check again and again, because a killed npm sends no signal.
  setInterval(() => ancestors() !== startedBy && child.kill("SIGTERM"), 1_000).unref();
  child.on("error", (error) => fail(`${script} could not be started: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
}

/** The processes that started this one, as a text that changes when they are gone: the parent, and npm before it. */
function ancestors() {
  const parent = windows || !process.env.npm_execpath ? undefined : lookUp(process.ppid);
  return parent?.name.endsWith("sh") ? `${process.ppid} ${parent.parent}` : String(process.ppid);
}

/** A process's name and its parent. Undefined if the system does not report them. */
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

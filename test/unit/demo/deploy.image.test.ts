// The files of demo/deploy. No test runs Docker, so this checks what an image would contain and how it starts.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseModule, targetOf } from "../../architecture/modules.ts";
import { parseOwnJson } from "../../support/own-json.ts";
import { root } from "../../support/samples.ts";
import { temporaryFolder } from "../../support/server.ts";

type Package = {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
};

const read = (path: string) => readFileSync(join(root, path), "utf8");
const dockerfile = read("demo/deploy/Dockerfile");
/** The sources of each COPY from the repository, without the folder that they go to. */
const copied = [...dockerfile.matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(([, sources = ""]) => sources.split(" "));

test("deploy: the image's lock has the packages of this version of Dacapo", () => {
  const own = parseOwnJson<Package>(read("package.json"));
  const image = parseOwnJson<Package>(read("demo/deploy/image/package.json"));
  const lock = parseOwnJson<{ packages: Record<string, Package> }>(read("demo/deploy/image/package-lock.json"));
  const { version, dependencies, peerDependencies } = own;
  expect(lock.packages["node_modules/dacapo"]).toMatchObject({ version, dependencies, peerDependencies });
  expect(lock.packages[""]?.dependencies).toEqual(image.dependencies);
  for (const [name, wanted] of Object.entries(image.dependencies).filter(([name]) => name !== "dacapo"))
    expect([name, wanted]).toEqual([name, own.devDependencies?.[name]]);
});

test("deploy: the image contains every file that its server imports", () => {
  const missing: string[] = [];
  const seen = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    if (!copied.some((source) => path === source || path.startsWith(`${source}/`))) missing.push(path);
    const module = parseModule(path, read(path));
    for (const specifier of module.imports.filter((one) => one.startsWith("."))) {
      const target = targetOf(module, specifier);
      if (target !== undefined) visit(target);
    }
  };
  visit("demo/deploy/server.ts");
  expect(missing).toEqual([]);
  expect(seen.size).toBeGreaterThan(4);
  for (const source of copied) expect([source, existsSync(join(root, source))]).toEqual([source, true]);
});

test("deploy: the server reads each variable that compose sets", () => {
  const compose = read("demo/deploy/compose.yaml");
  const [, node = ""] = /x-node:[\s\S]*?environment:\n([\s\S]*?)\n\nservices:/.exec(compose) ?? [];
  const variables = [...node.matchAll(/^ {4}([A-Z_]+):/gm)].map(([, name]) => name ?? "");
  expect(variables).toEqual(["DATABASE_URL", "TICKET_SECRET"]);
  for (const name of variables) expect(read("demo/deploy/server.ts")).toContain(name);
  expect(globSync("demo/deploy/**", { cwd: root }).length).toBeGreaterThan(5);
});

test("deploy: the image's command starts a healthy server, which SIGTERM ends with code 0", async () => {
  const folder = await temporaryFolder();
  const [, command = ""] = /^CMD (\[.*\])$/m.exec(dockerfile) ?? [];
  const [, ...args] = parseOwnJson<string[]>(command);
  const child = spawn(process.execPath, ["--conditions=dacapo-source", ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, SQLITE_FILE: folder.path("logs.db"), PORT: "0", HOST: "127.0.0.1" },
  });
  try {
    const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    const { event, url } = parseOwnJson<{ event: string; url: string }>(line);
    expect(event).toBe("started");
    const [, check = ""] = /HEALTHCHECK[\s\S]*?CMD (\[.*\])/.exec(dockerfile) ?? [];
    const [, flag = "", code = ""] = parseOwnJson<string[]>(check);
    const health = () => spawnSync(process.execPath, [flag, code.replace("8787", new URL(url).port)]).status;
    expect(health()).toBe(0);
    child.kill("SIGTERM");
    expect((await once(child, "exit"))[0]).toBe(0);
    expect(health()).toBe(1);
  } finally {
    child.kill("SIGKILL");
    await folder.remove();
  }
});

// `dacapo serve` as a real process: real devices sync with it.
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { printed, resultOf, runCli, startCli } from "../../support/cli.ts";
import { device, until } from "../../support/device.ts";
import { domain, task } from "../../support/board-domain.ts";
import { containing } from "../../support/matchers.ts";
import { temporaryFolder } from "../../support/server.ts";
import { parseOwnJson } from "../../support/own-json.ts";

const domainFile = fileURLToPath(new URL("../../support/board-domain.ts", import.meta.url));
const authorizeByName = `export const authorize = (request: Request) => {
  const [, actor] = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
  return actor === undefined ? null : { actor };
};`;
const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function started(args: readonly string[]) {
  const child = startCli(["serve", "--port", "0", ...args]);
  const result = resultOf(child);
  cleanUp.push(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await result;
  });
  const [, url = ""] = await printed(child, /"url":"([^"]+)"|listens on (\S+)/).then((match) => [
    match[0],
    match[1] ?? match[2],
  ]);
  return { child, url, result };
}

async function folderWith(files: Readonly<Record<string, string>>) {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  for (const [name, text] of Object.entries(files)) await writeFile(folder.path(name), text);
  return folder;
}

test("serve: with a config, devices sync, and SIGTERM ends it with 0 after the running pushes", async () => {
  const folder = await folderWith({
    "dacapo.config.ts": `import { domain } from ${JSON.stringify(domainFile)};\n${authorizeByName}
      export default { domain, permit: (_: unknown, { log }: { log: string }) => log === "board" };`,
  });
  const store = `sqlite:${folder.path("logs.db")}`;
  const { child, url, result } = await started(["--config", folder.path("dacapo.config.ts"), "--store", store]);
  const ada = await device(domain, "board", "ada").open({ url });
  await ada.execute([task.command.add("t1", { title: "Milk", column: "todo" })]);
  await until(() => ada.status().pending === 0, "the commit is on the server");
  const other = await fetch(`${url}/logs/other`, { headers: { authorization: "Bearer ada" } });
  expect(other.status).toBe(403);
  child.kill("SIGTERM");
  expect(await result).toMatchObject({ code: 0, stderr: containing("finishes the running pushes") });
  await ada.close();
  const { stdout } = await runCli(["events", "board", "--store", store, "--json"]);
  expect(parseOwnJson(stdout)).toMatchObject({ position: 1, type: "TaskAdded", actor: "ada", version: 1 });
});

test("serve: a config may export each option, such as `base`", async () => {
  const folder = await folderWith({
    "dacapo.config.ts": `export { domain } from ${JSON.stringify(domainFile)};\n${authorizeByName}
      export const base = { everyEvents: 2 };`,
  });
  const { url } = await started(["--config", folder.path("dacapo.config.ts"), "--store", "memory:"]);
  const ada = await device(domain, "board", "ada").open({ url });
  const titles = ["Milk", "Bread"];
  await ada.execute(titles.map((title) => task.command.add(title, { title, column: "todo" })));
  const headers = { authorization: "Bearer ada" };
  const base = () => fetch(`${url}/logs/board/base`, { headers });
  await until(async () => (await base()).ok, "the base");
  expect(await (await base()).text()).toContain('"cursor":"2-');
  await ada.close();
});

test("serve: a config with an unknown option, such as a misspelled `permit`, is refused", async () => {
  const folder = await folderWith({
    "dacapo.config.ts": `import { domain } from ${JSON.stringify(domainFile)};\n${authorizeByName}
      export default { domain, permitt: () => false };`,
  });
  const config = folder.path("dacapo.config.ts");
  const { code, stdout, stderr } = await runCli(["serve", "--config", config, "--store", "memory:", "--port", "0"]);
  expect(stderr).toContain("`serve` has no option permitt. Its options are domain, authorize, permit, ");
  expect([code, stdout]).toEqual([2, ""]);
});

test("serve --open: every token is a name, on this machine only, and JSON names the address", async () => {
  const { url, child, result } = await started(["--open", "--domain", domainFile, "--store", "memory:", "--json"]);
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/sync$/);
  for (const headers of [{}, { authorization: "Bearer bob" }] as const)
    expect((await fetch(`${url}/logs/board`, { headers })).status).toBe(200);
  child.kill("SIGINT");
  const { code, json } = await result;
  expect([code, json()]).toEqual([0, [{ url, port: Number(new URL(url).port) }]]);
});

test("serve: refuses a missing authorize, --open for other machines, and --open over authorize", async () => {
  const folder = await folderWith({
    "auth.ts": `export { domain } from ${JSON.stringify(domainFile)};\n${authorizeByName}`,
  });
  const cases: readonly (readonly [readonly string[], string])[] = [
    [["--domain", domainFile], "because no module exports `authorize`"],
    [["--domain", domainFile, "--open", "--host", "0.0.0.0"], "--open answers only this machine"],
    [["--domain", folder.path("auth.ts"), "--open"], "--open would ignore the exported `authorize`"],
    [["--domain", folder.path("auth.ts"), "--port", "99999"], "--port is 99999"],
    [["--domain", folder.path("auth.ts"), "--origin", "example.org"], "origin"],
  ];
  for (const [args, sentence] of cases) {
    const { code, stderr } = await runCli(["serve", "--store", "memory:", ...args]);
    expect(stderr).toContain(sentence);
    expect(code).toBe(2);
  }
});

test("serve: a port that is taken is one sentence, and the exit code is 1", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  cleanUp.push(() => new Promise((resolve) => taken.close(resolve)));
  const address = taken.address();
  const port = typeof address === "object" && address ? String(address.port) : "";
  const args = ["serve", "--open", "--domain", domainFile, "--store", "memory:", "--port", port];
  expect(await runCli(args)).toMatchObject({
    code: 1,
    stderr: `Port ${port} is already in use. Stop the other server, or pass another port.\n`,
  });
});

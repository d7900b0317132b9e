// A program whose server cannot listen ends with a sentence and without a stack trace.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { root } from "../../../support/samples.ts";
import { runningServer } from "../../../support/running-server.ts";

const { start, stopAll } = runningServer();
afterEach(stopAll);

function runProgram(args: readonly string[], env: Readonly<Record<string, string>>) {
  const { status, stderr } = spawnSync(process.execPath, ["--conditions=dacapo-source", ...args], {
    cwd: root,
    encoding: "utf8",
    timeout: 20_000,
    env: { PATH: process.env["PATH"] ?? "", ...env },
  });
  return { status, stderr };
}

const program = `
  import { serve } from "dacapo/node";
  import { memory } from "dacapo/memory";
  import { domain } from "./test/support/board-domain.ts";
  const authorize = () => null;
  await serve({ domain, store: memory(), authorize, port: Number(process.env.PORT), hostname: process.env.HOST });
`;

test("serve: a taken port and a foreign address end a program at once, without a stack trace", async () => {
  const { port } = await start();
  const file = ["--input-type=module", "--eval", program];
  const taken = runProgram(file, { PORT: String(port), HOST: "127.0.0.1" });
  expect(taken.status).toBe(1);
  expect(taken.stderr).toContain(`Port ${port} is already in use. Stop the other server, or pass another port.`);
  expect(taken.stderr).not.toMatch(/^\s+at /m);
  const foreign = runProgram(file, { PORT: "0", HOST: "192.0.2.1" });
  expect(foreign.status).toBe(1);
  expect(foreign.stderr).toContain("The server cannot listen on 192.0.2.1, port 0: ");
  expect(foreign.stderr).not.toMatch(/^\s+at /m);
});

test("serve: the demo's server prints the sentence of a known error, and nothing else", async () => {
  const { port } = await start();
  const demo = [join(root, "demo/board/server.ts")];
  const shared = { BOARD_DB: ":memory:", HOST: "127.0.0.1", NODE_NO_WARNINGS: "1" };
  expect(runProgram(demo, { ...shared, PORT: String(port) })).toEqual({
    status: 1,
    stderr: `Port ${port} is already in use. Stop the other server, or pass another port.\n`,
  });
  expect(runProgram(demo, { ...shared, PORT: "http" })).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^The port of the sync server is NaN, which is not a port\. Pass .*\.\n$/) as string,
  });
});

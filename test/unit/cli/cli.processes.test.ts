// The operator's commands for process managers, as real processes on a real SQLite file.
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import type { SyncServer } from "../../../src/sync-server/app.ts";
import { sqlite } from "../../../src/sync-server/stores/sqlite.ts";
import { runCli } from "../../support/cli.ts";
import { until } from "../../support/device.ts";
import { order, POISON, shop } from "../../support/orders-domain.ts";
import { subscribers } from "../../support/process-config.ts";
import { temporaryFolder } from "../../support/server.ts";
import { testServer } from "../../support/sync-requests.ts";

const config = fileURLToPath(new URL("../../support/process-config.ts", import.meta.url));
const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

/** A file with an order whose second event is parked, and its third one waits. */
async function parkedFile(): Promise<string> {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  const file = folder.path("logs.db");
  const server = serverOn(file);
  const log = server.log("shop");
  await log.execute(order.command.place("o1", { amount: 5 }));
  for (const text of [POISON, "behind"]) await log.execute(order.command.note("o1", { text }));
  await settled(server, { waiting: 2, commands: 1 });
  await server.close();
  return file;
}

function serverOn(file: string): SyncServer {
  const server = testServer({ domain: shop, store: sqlite(file), subscribers, onError: () => {} });
  cleanUp.push(() => server.close());
  return server;
}

const settled = (server: SyncServer, { waiting, commands }: { readonly waiting: number; readonly commands: number }) =>
  until(async () => {
    const [status] = await server.log("shop").processes.list();
    return status?.behind === 0 && status.waiting === waiting && status.commands === commands;
  }, "the place");

const cli = (file: string, ...rest: readonly string[]) =>
  runCli(["processes", "shop", ...rest, "--store", `sqlite:${file}`, "--config", config]);

test("processes: lists places, waiting timers and parked events, and runs no handler", async () => {
  const file = await parkedFile();
  const places = await cli(file);
  expect(places).toMatchObject({ code: 0, stderr: "1 process manager\n" });
  const [titles, place] = places.stdout.split("\n").map((line) => line.split(/ {2,}/));
  expect(titles).toEqual(["process manager", "state", "behind", "waiting", "parked", "commands", "next"]);
  expect(place?.slice(0, 6).map((cell) => cell.trim())).toEqual(["fulfilment", "running", "0", "2", "1", "1"]);
  expect(place?.[6]).toMatch(/^20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ$/);
  const timers = await cli(file, "commands", "fulfilment");
  expect(timers.stdout).toMatch(/^20.*Z {2}order\/o1 {2}payment-late {2}order\/o1 cancel\n$/);
  expect(timers.stderr).toBe("1 waiting command\n");
  const [timer] = (await cli(file, "commands", "fulfilment", "--limit", "1", "--json")).json();
  expect(timer).toMatchObject({ process: "order/o1", timer: "payment-late", commands: [{ name: "cancel" }] });
  expect((await cli(file, "commands", "fulfilment", "--after", "order/o1", "--json")).json()).toEqual([]);
  const [parked] = (await cli(file, "parked", "fulfilment", "--json")).json();
  expect(parked).toMatchObject({ kind: "event", stream: "order/o1", reason: "Error: poison" });
});

test("processes: pauses, retries, resumes, skips and resets, and a server acts on it", async () => {
  const file = await parkedFile();
  const act = async (...rest: readonly string[]) => (await cli(file, ...rest, "--json")).json();
  const place = (facts: object) => [expect.objectContaining({ name: "fulfilment", ...facts }) as unknown];
  expect(await act("pause", "fulfilment")).toEqual(place({ state: "paused", verb: "pause" }));
  expect((await cli(file, "retry", "fulfilment")).stdout).toBe("fulfilment tries 1 event or command again.\n");
  expect(await act("resume", "fulfilment")).toEqual(place({ state: "running", parked: 0, waiting: 2 }));
  const server = serverOn(file);
  await until(async () => (await server.log("shop").processes.list())[0]?.parked === 1, "parked again");
  await server.close();
  const [{ id } = { id: "" }] = (await act("parked", "fulfilment")) as { id: string }[];
  const skipped = await act("skip", "fulfilment", id, "--reason", "no answer needed");
  expect(skipped).toEqual(
    place({ parked: 0, skipped: [expect.objectContaining({ event: id, reason: "no answer needed" })] }),
  );
  const again = serverOn(file);
  await settled(again, { waiting: 0, commands: 1 });
  expect((await again.log("shop").load(order, "o1")).state?.notes).toBe(3);
  await again.close();
  expect((await cli(file, "reset", "fulfilment", "--from", "beginning")).code).toBe(2);
  expect(await act("reset", "fulfilment", "--from", "beginning", "--yes")).toEqual(place({ at: null, commands: 0 }));
});

test("processes: a wrong verb, name or option is one or two sentences", async () => {
  const file = await parkedFile();
  const cases: readonly (readonly [readonly string[], number, string])[] = [
    [["drop", "fulfilment"], 2, "The verbs are parked, commands, pause, resume, retry, skip, reset."],
    [["pause"], 2, "pause needs a process manager"],
    [["pause", "other"], 2, "no process manager other"],
    [["skip", "fulfilment"], 2, "needs one event or command and a reason"],
    [["skip", "fulfilment", "none", "--reason", "x"], 1, "none is not parked for fulfilment"],
    [["reset", "fulfilment", "--from", "7"], 2, "reset needs a place"],
    [["commands", "fulfilment", "--limit", "0"], 2, "--limit is 0"],
  ];
  for (const [rest, exitCode, sentence] of cases) {
    const { code, stdout, stderr } = await cli(file, ...rest);
    expect([code, stdout], rest.join(" ")).toEqual([exitCode, ""]);
    expect(stderr, rest.join(" ")).toContain(sentence);
    expect(stderr).not.toMatch(/\n\s+at /);
  }
});

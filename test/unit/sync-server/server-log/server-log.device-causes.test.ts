// Every surface shows the chain of the events of a device's commit.
import { afterEach, expect, test } from "vitest";
import { serve } from "dacapo/node";
import { defineDomain, projection } from "../../../../src/index.ts";
import type { DomainEvent } from "../../../../src/core/domain/event.ts";
import type { CommitRecord } from "../../../../src/core/history/record.ts";
import { parseOwnJson } from "../../../../src/core/values/json.ts";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { subscriber } from "../../../../src/sync-server/app.ts";
import { processManager } from "../../../../src/sync-server/processes/process-manager.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { column, task } from "../../../support/board-domain.ts";
import { device, until } from "../../../support/device.ts";

const closings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

type Chain = Pick<DomainEvent, "correlation" | "causedBy">;
const chainOf = ({ correlation, causedBy }: Chain): Chain => ({ correlation, ...(causedBy && { causedBy }) });

/** A row of the last event of each task: its chain. */
const chains = projection("chains", {
  version: 1,
  from: [task],
  initial: null as Chain | null,
  on: { TaskAdded: (_, event) => chainOf(event), TaskRenamed: (_, event) => chainOf(event) },
});

test("execute of a device: every event has the id of its commit as correlation, on each surface", async () => {
  const seen: { subscriber: Chain[]; process: Chain[] } = { subscriber: [], process: [] };
  const follower = subscriber("follower", {
    from: [task],
    start: "beginning",
    on: {
      TaskAdded: async (event, { execute }) => {
        seen.subscriber.push(chainOf(event));
        if (event.stream === "task/t1") await execute(column.command.add("of-t1", { name: "Made by t1" }));
      },
    },
  });
  const flow = processManager("flow", {
    version: 1,
    from: [task],
    start: "beginning",
    initial: null as { readonly added: true } | null,
    key: (event) => event.stream,
    on: {
      TaskAdded: (_, event) => {
        seen.process.push(chainOf(event));
        return { added: true as const };
      },
    },
  });
  const domain = defineDomain({ version: 1, aggregates: [task, column], projections: [chains] });
  const { server, url, close } = await serve({
    domain,
    store: memory(),
    authorize: (request) => ({ actor: request.headers.get("authorization")?.slice("Bearer ".length) ?? "nobody" }),
    port: 0,
    hostname: "127.0.0.1",
    models: [chains],
    subscribers: [follower, flow],
  });
  closings.push(close);
  const ada = await device(domain, "board", "ada").open({ url });
  closings.push(ada.close);
  ada.api.setPaused(true);
  const commands = [
    task.command.add("t1", { title: "Milk", column: "todo" }),
    task.command.rename("t1", { title: "Oat" }),
  ];
  const { commit } = unwrap(await ada.execute(commands));
  const own = { correlation: commit };

  const pending = unwrap(await ada.api.history("task/t1"));
  expect(pending.map(chainOf)).toEqual([own, own]);
  expect(ada.rows("chains").get("task/t1")?.row).toEqual(own);
  ada.api.setPaused(false);
  await until(() => ada.status().pending === 0, "the commit is recorded");
  expect(unwrap(await ada.api.history("task/t1")).map(chainOf)).toEqual([own, own]);

  const log = server.log("board");
  const events: DomainEvent[] = [];
  for await (const event of log.history(task, "t1")) events.push(event);
  await log.models.replay({ into: (event) => void (event.stream === "task/t1" && events.push(event)) });
  for await (const { event } of log.subscribe({ from: "beginning" })) {
    events.push(event);
    break;
  }
  expect(events.map(chainOf)).toEqual([own, own, own, own, own]);
  expect((await log.rows(chains, { at: (await log.load(task, "t1")).at })).rows).toEqual([
    { key: "task/t1", row: own },
  ]);
  await until(() => seen.subscriber.length === 1 && seen.process.length === 1, "both handlers");
  expect(seen).toEqual({ subscriber: [own], process: [own] });

  // The record has neither field. The command of the subscriber belongs to the same chain.
  await until(() => log.exists(column, "of-t1"), "the command of the subscriber");
  const archive = await (await fetch(`${url}/logs/board/export`, { headers: { authorization: "Bearer ada" } })).text();
  const records = archive.split("\n").flatMap((line) => {
    const { record } = parseOwnJson<{ readonly record?: CommitRecord }>(line || "{}");
    return record ? [{ id: record.commit, causedBy: record.causedBy, correlation: record.correlation }] : [];
  });
  expect(records[0]).toEqual({ id: commit });
  for await (const event of log.history(column, "of-t1"))
    expect(chainOf(event)).toEqual({ correlation: commit, causedBy: `${commit}:0` });
});

/** A device's view of a log, against a model that folds everything from the first record each time. */
import fc from "fast-check";
import { describe, test } from "vitest";
import { uuidv7 } from "../../../src/core/id.ts";
import type { CommandRequest } from "../../../src/core/definition.ts";
import { column, tally, task, taskDomain } from "../../support/task-domain.ts";
import { commands } from "./support/commands.ts";
import { DeviceModel, NOW } from "./support/device-model.ts";
import { serverModel } from "./support/server-model.ts";

const domain = taskDomain.definition;
/** `RUNS=20000` looks longer than a check may take. */
const TIMEOUT_MS = 600_000;

const device = fc.nat({ max: 2 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("execute" as const), device, commands }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("push" as const), device, count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("pull" as const), device, count: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("hear" as const), device, twice: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("withdraw" as const), device, place: fc.nat({ max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("store" as const), device }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const), device, fromSnapshot: fc.boolean() }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function newIds(): () => string {
  let made = 0;
  return () => uuidv7(NOW + made++, new Uint8Array(10));
}

/** What the log begins with, so that there is something to meet at. */
const BEGINNING: readonly CommandRequest[] = [
  column.command.add("todo", { title: "To do" }),
  task.command.add("t1", { title: "Milk", column: "todo" }),
  task.command.add("t2", { title: "Bread", column: "todo" }),
  tally.command.add("a", { amount: 5 }),
];

/** Three devices: two of one person, one of another. */
function openWorld() {
  const newId = newIds();
  const authors = [{ client: newId(), actor: "ann" }, { client: newId(), actor: "ann" }, { client: newId(), actor: "bob" }];
  const server = serverModel(domain);
  const devices = authors.map((author) => new DeviceModel(domain, author, newId));
  devices[0]?.execute(BEGINNING);
  devices[0]?.push(server, 1);
  for (const one of devices) {
    one.pull(server, 1);
    one.check(server);
  }
  return { server, devices };
}

function take(world: ReturnType<typeof openWorld>, one: Step): DeviceModel {
  const { server, devices } = world;
  const at = devices[one.device];
  if (!at) throw new Error("no such device");
  switch (one.kind) {
    case "execute":
      at.execute(one.commands);
      break;
    case "push":
      at.push(server, one.count);
      break;
    case "pull":
      at.pull(server, one.count);
      break;
    case "hear":
      at.hear(server, one.twice);
      break;
    case "withdraw":
      at.withdraw(one.place);
      break;
    case "store":
      at.store();
      break;
    case "restart":
      at.restart(server, one.fromSnapshot);
      break;
  }
  return at;
}

describe("whatever happens, in whatever order", () => {
  test("a person sees what folding everything from the first record gives", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 30, maxLength: 60, size: "max" }), (steps) => {
        const world = openWorld();
        for (const one of steps) take(world, one).check(world.server);
      }),
      { numRuns: Number(process.env["RUNS"] ?? 150) },
    );
  }, TIMEOUT_MS);
});

/** A device's view of a log, against a model that folds everything from the first record each time. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { uuidv7 } from "../../../../src/core/values/id.ts";
import { task, taskDomain } from "../../../support/task-domain.ts";
import { commands } from "../../../support/core/commands.ts";
import { DeviceModel, NOW } from "../../../support/core/device-model.ts";
import { add, BEGINNING, commitOn, logOf, pushed, viewOf } from "../../../support/core/scene.ts";
import { serverModel } from "../../../support/core/server-model.ts";

const domain = taskDomain.definition;
/** For `RUNS=20000`, which takes longer than a check may take. */
const TIMEOUT_MS = 600_000;

const device = fc.nat({ max: 2 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("execute" as const), device, commands }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("push" as const), device, count: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("pull" as const), device, count: fc.integer({ min: 1, max: 6 }) }),
  },
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

/** Three devices: two of one person, and one of another person. */
function openWorld() {
  const newId = newIds();
  const authors = [
    { client: newId(), actor: "ann" },
    { client: newId(), actor: "ann" },
    { client: newId(), actor: "bob" },
  ];
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

function runStep(world: ReturnType<typeof openWorld>, one: Step): DeviceModel {
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

describe("Replica: any steps in any order", () => {
  test(
    "Replica: shows the rows of folding everything from the first record",
    () => {
      fc.assert(
        fc.property(fc.array(step, { minLength: 30, maxLength: 60, size: "max" }), (steps) => {
          const world = openWorld();
          for (const one of steps) runStep(world, one).check(world.server);
        }),
        { numRuns: Number(process.env["RUNS"] ?? 300) },
      );
    },
    TIMEOUT_MS,
  );
});

describe("Replica: the same steps", () => {
  test("Replica: the same steps give the same bytes on every device and on the server", () => {
    const finalText = (steps: readonly Step[]) => {
      const world = openWorld();
      for (const one of steps) runStep(world, one);
      const shown = world.devices.map(({ replica }) => [
        replica.pending,
        [...domain.projections.keys()].map((name) => replica.entries(name)),
      ]);
      return JSON.stringify([world.server.records, [...world.server.outcomes], shown]);
    };
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 40 }), (steps) => {
        expect(finalText(steps)).toBe(finalText(steps));
      }),
    );
  });
});

describe("Replica: faults that seeds found", () => {
  test("Replica: drops pending states when the last commit on a stream settles without events", () => {
    const server = logOf();
    const device = viewOf(server);
    const ids = [1, 2].map(() => {
      const commit = commitOn(domain, device, "ann", [task.command.complete("t1")]);
      device.add(commit, NOW);
      pushed(server, commit);
      return commit.id;
    });
    device.apply(server.records.slice(4), NOW);
    device.remove(new Set(ids), NOW);
    add(server, "bob", task.command.rename("t1", { title: "Oat milk" }));
    device.apply(server.records.slice(5), NOW);
    expect(device.stream("task/t1")).toMatchObject({ version: 3, state: { title: "Oat milk", done: true } });
  });
});

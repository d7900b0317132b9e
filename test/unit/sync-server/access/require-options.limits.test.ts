// The options of a server whose wrong values would otherwise be noticed too late, or never.
import { expect, test } from "vitest";
import { requireAppOptions } from "../../../../src/sync-server/access/require-options.ts";
import { limitsWith, SERVER_LIMITS } from "../../../../src/sync-server/base/limits.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { domain, task } from "../../../support/board-domain.ts";
import { containing } from "../../../support/matchers.ts";
import { sqliteFile } from "../../../support/sqlite-file.ts";
import { person, testServer } from "../../../support/sync-requests.ts";

const check = (limits: object) => () => requireAppOptions({ domain, authorize: () => ({ actor: "ada" }), limits });

test.each([
  [{ pushBytesMax: Number.NaN }, "limits.pushBytesMax is NaN"],
  [{ pushBytesMax: "1000" }, "limits.pushBytesMax is 1000"],
  [{ pushBytesMax: undefined }, "limits.pushBytesMax is undefined"],
  [{ socketsMax: -1 }, "limits.socketsMax is -1"],
  [{ commitRate: 50 }, "limits.commitRate.perSecond is undefined"],
  [{ commitRate: null }, "limits.commitRate.perSecond is undefined"],
  [{ commitRate: { perSecond: 50 } }, "limits.commitRate.burst is undefined"],
  [{ comitRate: { perSecond: 50, burst: 100 } }, "has no comitRate"],
])("limits: %j is refused, because it would limit nothing", (limits, message) => {
  expect(check(limits)).toThrow(expect.objectContaining({ code: "definition", message: containing(message) }));
});

test("limits: its defaults, no limit at all and endless bounds are accepted", () => {
  for (const limits of [SERVER_LIMITS, {}, { socketsMax: Infinity, lookMs: 0 }]) expect(check(limits)).not.toThrow();
});

const endless = Object.fromEntries(Object.keys(SERVER_LIMITS).map((name) => [name, Infinity]));

test.each(["memory", "sqlite"])("limits: endless bounds and fractions reach no store (%s)", async (kind) => {
  const file = await sqliteFile();
  const numbers = { ...endless, requestRate: SERVER_LIMITS.requestRate, commitRate: SERVER_LIMITS.commitRate };
  for (const limits of [
    { ...numbers, lookMs: 5_000 },
    { outcomesPerActorMax: 1.5, pageEventsMax: 2.5 },
  ]) {
    const store = kind === "memory" ? memory() : file.open();
    const server = testServer({ store, limits });
    const ada = person(server, "ada");
    const missing = ada.commit({ ...task.command.rename("t9", { title: "Bread" }), seen: 1 });
    expect(await ada.outcomes(missing)).toMatchObject([{ outcome: "rejected" }]);
    expect(await ada.outcomes(missing)).toMatchObject([{ outcome: "rejected" }]);
    for (const id of ["t1", "t2", "t3"])
      await ada.push([
        ada.commit(task.command.add(`${kind}-${id}-${limits.pageEventsMax}`, { title: "Milk", column: "todo" })),
      ]);
    expect(await (await ada.request("")).json()).toMatchObject({
      limits: { pageEventsMax: expect.any(Number) as number },
    });
    expect((await ada.pull()).records.length).toBeGreaterThan(1);
    await server.close();
  }
  await file.remove();
});

test("limits: a bound that is no whole number is rounded down, and rates may have fractions", () => {
  const limits = limitsWith({
    outcomesPerActorMax: 1.5,
    socketsMax: Infinity,
    commitRate: { perSecond: 0.5, burst: 1 },
  });
  expect(limits.outcomesPerActorMax).toBe(1);
  expect(limits.socketsMax).toBe(Number.MAX_SAFE_INTEGER);
  expect(limits.commitRate.perSecond).toBe(0.5);
});

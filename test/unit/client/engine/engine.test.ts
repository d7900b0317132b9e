// Tabs of two devices execute, sync, withdraw and reopen in any order. Each tab always shows what its log has.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import type { Settled } from "../../../../src/client/messages/log-types.ts";
import { board, columnCounts, column, domain, task } from "../../../support/board-domain.ts";
import { type EngineTab, openTab, sortedByKey } from "../../../support/engine/open-tab.ts";
import { RecordingServer } from "../../../support/engine/recording-server.ts";

const newDatabase = () => new MemoryDatabase(() => crypto.randomUUID());
const PROJECTIONS = [board.name, columnCounts.name];

type Step =
  | { readonly kind: "execute"; readonly tab: number; readonly command: number; readonly key: number }
  | { readonly kind: "sync" | "refresh" | "tidy" | "reopen" | "withdraw" | "discard"; readonly tab: number };

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("execute" as const),
      tab: fc.nat(2),
      command: fc.nat(6),
      key: fc.nat(1),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("sync" as const, "refresh", "tidy", "reopen", "withdraw", "discard"),
      tab: fc.nat(2),
    }),
  },
);

function commandOf(command: number, key: string, n: number) {
  switch (command) {
    case 0:
      return task.command.add(key, { title: `Task ${n}`, column: "todo" });
    case 1:
      return task.command.rename(key, { title: `Renamed ${n}` });
    case 2:
      return task.command.claim(key, { title: `Claimed ${n}` });
    case 3:
      return task.command.note(key, { text: "note" });
    case 4:
      return task.command.complete(key);
    case 5:
      return column.command.add("todo", { name: "To do" });
    default:
      return task.command.move(key, { column: "todo" });
  }
}

/** The end of each commit, as the waiting calls of `settled` received it. */
class Outcomes {
  readonly made = new Map<string, Settled | "gone" | null>();
  /** The device that made each commit. Another device does not know it before it is recorded. */
  readonly #devices = new Map<string, number>();

  executed(tab: EngineTab, commit: string, device: number): void {
    this.#devices.set(commit, device);
    this.watch(tab, commit);
  }

  /** Waits for the commits of a device again, whose tab was closed. */
  reopened(tab: EngineTab, device: number): void {
    for (const [commit, end] of this.made)
      if (end === null && this.#devices.get(commit) === device) this.watch(tab, commit);
  }

  watch({ engine }: EngineTab, commit: string): void {
    if (!this.made.has(commit)) this.made.set(commit, null);
    engine.settled(commit).then(
      (settled) => this.made.set(commit, settled),
      (error: { code: string; details: object }) => {
        if (error.code === "rejected") this.made.set(commit, "gone");
      },
    );
  }
}

/** If two tabs withdraw one commit, each shows the time of its own call. */
function withoutTime({ engine }: EngineTab) {
  return engine.rejections.map((rejection) => ({ ...rejection, rejectedAt: 0 }));
}

function isWithdrawn(end: Settled | "gone" | null): boolean {
  return end !== null && end !== "gone" && end.outcome === "rejected" && end.code === "withdrawn";
}

function idsOf(rejections: EngineTab["engine"]["rejections"]): readonly string[] {
  return rejections.map(({ commit }) => commit.id);
}

function expectShown({ engine, shown }: EngineTab): void {
  for (const name of PROJECTIONS) expect(shown(name)).toEqual(sortedByKey(engine.replica.entries(name)));
  expect(engine.summary).toMatchObject({
    pending: engine.pendingCount,
    rejections: engine.rejections.length,
    position: engine.replica.cursor?.position ?? 0,
  });
  expect(engine.pending.map(({ n }) => n)).toEqual(engine.pending.map(({ n }) => n).toSorted((a, b) => a - b));
}

async function run(steps: readonly Step[]) {
  const server = new RecordingServer();
  const databases = [newDatabase(), newDatabase()] as const;
  const deviceOf = (index: number) => (index < 2 ? 0 : 1);
  const open = (index: number) =>
    deviceOf(index) === 0 ? openTab(domain, databases[0]) : openTab(domain, databases[1], { user: "bob" });
  const tabs = [await open(0), await open(1), await open(2)];
  const outcomes = new Outcomes();
  for (const [n, step] of steps.entries()) {
    const tab = tabs[step.tab] ?? expect.fail("no tab");
    const { engine } = tab;
    if (step.kind === "execute") {
      const done = await engine.execute([commandOf(step.command, `t${step.key}`, n)], { n }).catch(() => null);
      if (done !== null) outcomes.executed(tab, done, deviceOf(step.tab));
    } else if (step.kind === "sync") await server.sync(engine);
    else if (step.kind === "refresh") await engine.refresh();
    else if (step.kind === "tidy") await engine.tidy();
    else if (step.kind === "withdraw" && engine.pending[0]) await engine.withdraw(engine.pending[0].commit.id);
    else if (step.kind === "discard" && engine.rejections[0]) await engine.discard(engine.rejections[0].commit.id);
    else if (step.kind === "reopen") {
      await engine.close();
      const reopened = (tabs[step.tab] = await open(step.tab));
      outcomes.reopened(reopened, deviceOf(step.tab));
    }
    expectShown(tabs[step.tab] ?? tab);
  }
  return { server, tabs, databases, outcomes };
}

test("Engine: each tab shows its log, tabs agree, and every call hears how its commit ended", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(stepArbitrary, { maxLength: 40 }), async (steps) => {
      const { server, tabs, databases, outcomes } = await run(steps);
      for (const { engine } of tabs) await engine.refresh();
      for (const { engine } of [...tabs, ...tabs]) await server.sync(engine);
      for (const { engine } of tabs) await engine.refresh();
      const [first, second, other] = tabs as [EngineTab, EngineTab, EngineTab];
      const rows = (tab: EngineTab) => PROJECTIONS.map((name) => tab.shown(name));
      tabs.forEach(expectShown);
      expect(rows(second)).toEqual(rows(first));
      expect(rows(other)).toEqual(rows(first));
      expect(withoutTime(second)).toEqual(withoutTime(first));

      // A tab that opens now, and a new device, show the same.
      const fresh = await openTab(domain, databases[0]);
      expect(rows(fresh)).toEqual(rows(first));
      expect(fresh.engine.summary).toEqual(first.engine.summary);
      expect(withoutTime(fresh)).toEqual(withoutTime(first));
      const elsewhere = await openTab(domain, newDatabase());
      await server.pull(elsewhere.engine);
      expect(rows(elsewhere)).toEqual(rows(first));

      const recorded = new Map(server.records.map((record) => [record.commit, record]));
      for (const [commit, end] of outcomes.made) {
        const record = recorded.get(commit);
        if (record && !isWithdrawn(end))
          expect(end).toMatchObject({ commit, position: record.position + record.events.length - 1 });
        else expect(end).not.toBeNull();
        // A commit that was withdrawn on its way may be recorded. Then its rejection ended.
        if (record) for (const { engine } of tabs) expect(idsOf(engine.rejections)).not.toContain(commit);
      }
      for (const { engine } of [...tabs, fresh, elsewhere]) await engine.close();
    }),
    { numRuns: 60 },
  );
});

// Rows at a position: those of a fold of the log up to this position, and no others.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readRowsAt } from "../../../../src/client/worker/history.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { foldRecord } from "../../../../src/core/fold/fold.ts";
import { ConfirmedRows } from "../../../../src/core/fold/rows.ts";
import { board, columnCounts, domain, task } from "../../../support/board-domain.ts";
import { type EngineTab, openTab } from "../../../support/engine/open-tab.ts";
import { RecordingServer } from "../../../support/engine/recording-server.ts";

const { definition } = domain;
const add = (id: string) => task.command.add(id, { title: id, column: "todo" });

async function rowsAt({ engine }: EngineTab, projection: string, position: number) {
  const found = definition.projections.get(projection) ?? expect.fail("no projection");
  const { rows, event } = await readRowsAt(engine, found, position);
  return { rows: JSON.parse(rows) as [string, unknown][], event };
}

async function newTab() {
  return { tab: await openTab(domain, new MemoryDatabase(() => crypto.randomUUID())), server: new RecordingServer() };
}

test("rowsAt: at each position, returns the fold of the events up to it, and the event there", async () => {
  const command = fc.record({ id: fc.integer({ min: 0, max: 3 }), what: fc.integer({ min: 0, max: 3 }) });
  const commits = fc.array(fc.array(command, { minLength: 1, maxLength: 3 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(commits, commits, async (confirmed, pending) => {
      const { tab, server } = await newTab();
      const execute = async (commands: readonly { readonly id: number; readonly what: number }[]) => {
        const requests = commands.map(({ id, what }) => {
          if (what === 0) return add(`t${id}`);
          return what === 1 ? task.command.rename(`t${id}`, { title: "New" }) : task.command.complete(`t${id}`);
        });
        // The domain refuses some of them, and then there is no event.
        await tab.engine.execute(requests, null).catch(() => {});
      };
      for (const commands of confirmed) await execute(commands);
      await server.sync(tab.engine);
      for (const commands of pending) await execute(commands);
      const events = server.records.flatMap(({ events: of, ...record }) => of.map((event) => ({ record, event })));
      const target = new ConfirmedRows(definition, () => {});
      const versions = new Map<string, number>();
      for (let position = 0; position <= events.length; position++) {
        const at = events[position - 1];
        if (at) {
          versions.set(at.event.stream, at.event.version);
          foldRecord(definition, target, { ...at.record, position, events: [at.event] });
        }
        for (const name of [board.name, columnCounts.name]) {
          const { rows, event } = await rowsAt(tab, name, position);
          expect(rows).toEqual([...(target.tables.get(name) ?? [])]);
          expect(event && { position: event.position, type: event.type, pending: event.pending }).toEqual(
            at ? { position, type: at.event.type, pending: false } : null,
          );
        }
      }
      await expect(rowsAt(tab, board.name, events.length + 1)).rejects.toMatchObject({
        code: "rejected",
        details: { code: "no-such-position", position: events.length + 1 },
      });
    }),
    { numRuns: 30 },
  );
});

test("rowsAt: refuses a position that is no whole number from 0 on", async () => {
  const { tab, server } = await newTab();
  await tab.engine.execute([add("t1"), add("t2")], null);
  await server.sync(tab.engine);
  for (const position of [-1, 0.5, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 3])
    await expect(rowsAt(tab, board.name, position)).rejects.toMatchObject({ details: { code: "no-such-position" } });
  expect((await rowsAt(tab, board.name, 0)).rows).toEqual([]);
  expect((await rowsAt(tab, board.name, 1)).rows.map(([key]) => key)).toEqual(["task/t1"]);
});

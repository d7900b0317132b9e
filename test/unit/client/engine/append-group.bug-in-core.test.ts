// A bug of Dacapo while a device decides: the call rejects with BugError, and nothing else changes.
import { expect, test } from "vitest";
import { browserEnv } from "../../../../src/client/env/browser-env.ts";
import { Engine } from "../../../../src/client/engine/engine.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import type { DomainDefinition } from "../../../../src/core/domain/definition.ts";
import { board, domain, task } from "../../../support/board-domain.ts";

const bug = { fixed: false };
function fail(): void {
  if (!bug.fixed) throw new TypeError("planted");
}

/** Faults outside every function of the app: while `complete` is decided, and while its event is folded into rows. */
function faultyDomain(step: string): DomainDefinition {
  const { definition } = domain;
  const complete = task.definition.commands.get("complete") ?? expect.fail("no command");
  const faulty = new Proxy(complete, {
    get(target, key): unknown {
      if (key !== "time") return Reflect.get(target, key);
      fail();
      return "author";
    },
  });
  const handles = (aggregate: string, type: string): boolean => {
    if (type === "TaskCompleted") fail();
    return board.definition.handles(aggregate, type);
  };
  if (step === "add") return { ...definition, projections: new Map([[board.name, { ...board.definition, handles }]]) };
  const commands = new Map([...task.definition.commands, ["complete", faulty]]);
  return { ...definition, aggregates: new Map([...definition.aggregates, ["task", { ...task.definition, commands }]]) };
}

test.each(["decide", "add"])("execute: a bug in core rejects the call alone, memory is as before: %s", async (step) => {
  bug.fixed = false;
  const engine = await Engine.open({
    domain: faultyDomain(step),
    store: memoryLogStore(new MemoryDatabase(() => crypto.randomUUID())),
    env: browserEnv,
    user: "ada",
    synced: true,
    changed: () => {},
    wrote: () => {},
  });
  const rename = (title: string) => engine.execute([task.command.rename("t1", { title })], null);
  const complete = () => engine.execute([task.command.complete("t1")], null);
  await engine.execute([task.command.add("t1", { title: "Milk", column: "todo" })], null);

  // All three share one transaction.
  const [before, broken, after] = await Promise.allSettled([rename("Oat milk"), complete(), rename("Soy milk")]);
  expect(broken).toMatchObject({ status: "rejected", reason: { code: "bug", cause: { message: "planted" } } });
  expect([before.status, after.status]).toEqual(["fulfilled", "fulfilled"]);
  expect(engine.replica.stream("task/t1")).toMatchObject({ version: 3, state: { title: "Soy milk", done: false } });
  expect(engine.replica.entries(board.name)).toMatchObject([{ row: { title: "Soy milk", done: false } }]);
  expect(engine.pending.map(({ n }) => n)).toEqual([1, 2, 3]);

  bug.fixed = true;
  await complete();
  expect(engine.replica.entries(board.name)).toMatchObject([{ row: { title: "Soy milk", done: true } }]);
  expect(engine.pending.map(({ n }) => n)).toEqual([1, 2, 3, 4]);
  await engine.close();
});

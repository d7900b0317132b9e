// Moving logs between stores, through the port alone.
import { expect, test } from "vitest";
import { moveLogs } from "../../../../src/sync-server/archive/move-logs.ts";
import type { EventStore, ReadResult } from "../../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { batch, outcome, readAll, write } from "../../../../src/testing/event-store/samples.ts";
import { containing } from "../../../support/matchers.ts";

async function source(id = "source-id"): Promise<EventStore> {
  const store = memory();
  await store.adoptId(id);
  let head = null;
  for (let n = 0; n < 30; n++) head = await write(store, "team", head, { commit: n, events: 1 + (n % 3) });
  await store.append("team", batch(head, { outcomes: Array.from({ length: 250 }, (_, n) => outcome(100 + n)) }));
  await store.append("quiet", batch(null, { outcomes: [outcome(1)] }));
  await write(store, "other", null, { commit: 1 });
  await store.drop("old");
  return store;
}

async function contentOf(store: EventStore): Promise<unknown> {
  const logs = await store.logs();
  return {
    id: await store.id(),
    logs,
    dropped: await store.droppedLogs(),
    records: await Promise.all(logs.map((log) => readAll(store, log))),
    outcomes: await Promise.all(logs.map((log) => store.outcomes(log, null, 1_000))),
  };
}

test("moveLogs: the target has the same logs, outcomes, dropped names and id, also twice", async () => {
  const [from, to] = [await source(), memory()];
  const expected = { logs: 3, events: 61, outcomes: 251, dropped: 1, behind: [] };
  expect(await moveLogs(from, to)).toEqual(expected);
  expect(await contentOf(to)).toEqual(await contentOf(from));
  expect(await moveLogs(from, to)).toEqual({ ...expected, dropped: 0 });
  expect(await contentOf(to)).toEqual(await contentOf(from));
});

test("moveLogs: a second move takes what the source got since then", async () => {
  const [from, to] = [await source(), memory()];
  await moveLogs(from, to);
  const head = await write(from, "other", { position: 1, mark: "mark1" }, { commit: 2 }, { commit: 3 });
  await from.append("other", batch(head, { outcomes: [outcome(9)] }));
  await write(from, "new", null, { commit: 1 });
  await from.drop("gone-since");
  await moveLogs(from, to);
  expect(await contentOf(to)).toEqual(await contentOf(from));
});

test("A2 moveLogs: after a failure at any call, the next move continues to the same content", async () => {
  const from = await source();
  let lasted = 0;
  for (let calls = 1; ; calls++) {
    const to = memory();
    let left = calls;
    const failing = new Proxy(to, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...args: unknown[]): unknown => {
          if (left-- <= 0) throw new Error("crash");
          return Reflect.apply(value, target, args);
        };
      },
    });
    const isDone = await moveLogs(from, failing).then(
      () => true,
      () => false,
    );
    // Devices see the whole log or none of it.
    const head = await to.head("team");
    expect(head).toMatchObject(head.kind === "open" ? { cursor: { position: 60 } } : { kind: "absent" });
    await moveLogs(from, to);
    expect(await contentOf(to)).toEqual(await contentOf(from));
    lasted = calls;
    if (isDone) break;
  }
  expect(lasted).toBeGreaterThan(15);
});

test("moveLogs: reports the logs that the source extended during the move", async () => {
  const [from, to] = [await source(), memory()];
  const rename = to.rename.bind(to);
  to.rename = async (log, name) => {
    const result = await rename(log, name);
    if (name === "other") await write(from, "other", { position: 1, mark: "mark1" }, { commit: 2 });
    return result;
  };
  expect((await moveLogs(from, to)).behind).toEqual(["other"]);
  expect((await moveLogs(from, to)).behind).toEqual([]);
});

test("moveLogs: refuses a target with another id, another log or a dropped name", async () => {
  const from = await source();
  const otherServer = memory();
  await write(otherServer, "mine", null, { commit: 1 });
  await expect(moveLogs(from, otherServer)).rejects.toMatchObject({
    code: "concurrency",
    message: containing("its id is memory, and the source's id is source-id"),
  });
  expect(await otherServer.logs()).toEqual(["mine"]);
  await moveLogs(from, otherServer, { keepsTargetId: true });
  expect([await otherServer.id(), await otherServer.logs()]).toEqual(["memory", ["mine", "other", "quiet", "team"]]);

  const differing = memory();
  await differing.adoptId("source-id");
  await write(differing, "team", null, { commit: 1, mark: "another" });
  const before = await readAll(differing, "team");
  await expect(moveLogs(from, differing)).rejects.toMatchObject({
    message: containing("another log with the name team"),
  });
  expect(await readAll(differing, "team")).toEqual(before);

  const dropped = memory();
  await dropped.adoptId("source-id");
  await dropped.drop("team");
  await expect(moveLogs(from, dropped)).rejects.toMatchObject({ message: containing("has dropped the log team") });
  const has = memory();
  await has.adoptId("source-id");
  await write(has, "old", null, { commit: 1 });
  await expect(moveLogs(from, has)).rejects.toMatchObject({ message: containing("has dropped the log old") });
  expect((await has.head("old")).kind).toBe("open");
});

test("moveLogs: says that a retry never helps if the target dropped the log", async () => {
  const [from, to] = [await source(), memory()];
  await to.adoptId("source-id");
  await to.drop("team");
  const error = {
    code: "gone",
    retry: "never",
    message: containing("has dropped the log team"),
    details: { log: "team" },
  };
  await expect(moveLogs(from, to)).rejects.toMatchObject(error);
});

test("moveLogs: says that an operator has to change something if the target is another log", async () => {
  const from = await source();
  const [otherServer, differing, has] = [memory(), memory(), memory()];
  await write(otherServer, "mine", null, { commit: 1 });
  await differing.adoptId("source-id");
  await write(differing, "team", null, { commit: 1, mark: "another" });
  await has.adoptId("source-id");
  await write(has, "old", null, { commit: 1 });
  for (const to of [otherServer, differing, has])
    await expect(moveLogs(from, to)).rejects.toMatchObject({ code: "concurrency", retry: "after-fix" });
});

test("moveLogs: names the source if it dropped or restored the log during the move", async () => {
  const dropped = "The source dropped the log team during the move";
  const results: readonly [ReadResult, string][] = [
    [{ kind: "gone" }, dropped],
    [{ kind: "absent" }, dropped],
    [{ kind: "diverged", head: null }, "The source restored the log team during the move"],
  ];
  for (const [result, message] of results) {
    const [from, to] = [await source(), memory()];
    const read = from.read.bind(from);
    from.read = async (log, after, limit) => (log === "team" ? result : read(log, after, limit));
    await expect(moveLogs(from, to, { logs: ["team"] })).rejects.toMatchObject({
      code: "concurrency",
      retry: "later",
      message,
    });
  }
});

test("moveLogs: moves only the named logs, and names one that is missing", async () => {
  const [from, to] = [await source(), memory()];
  expect(await moveLogs(from, to, { logs: ["other"] })).toMatchObject({ logs: 1, dropped: 0 });
  expect(await to.logs()).toEqual(["other"]);
  await expect(moveLogs(from, to, { logs: ["none"] })).rejects.toMatchObject({ message: containing("no log none") });
});

test("moveLogs: a source that was restored since an interrupted move is moved from its beginning", async () => {
  const [from, to] = [await source(), memory()];
  await to.adoptId("source-id");
  // The stage of the interrupted move, from before the restore.
  await write(to, "team moving-source-id 1", null, { commit: 1, mark: "before-restore" });
  await moveLogs(from, to, { logs: ["team"] });
  expect(await readAll(to, "team")).toEqual(await readAll(from, "team"));
  expect(await to.logs()).toEqual(["team"]);
});

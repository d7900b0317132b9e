import { copyFile, rm } from "node:fs/promises";
import { afterEach, describe, expect, test } from "vitest";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { UnreachableError } from "../../../../src/client/sync/unreachable-error.ts";
import type { Transport } from "../../../../src/client/sync/transport.ts";
import type { CommandRequest } from "../../../../src/core/domain/definition.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { board, column, domain, task } from "../../../support/board-domain.ts";
import { type Device, device, type Tab, until } from "../../../support/device.ts";
import { type RunningServer, startServer, temporaryFolder } from "../../../support/server.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end().catch(() => {});
});
const server = async (options: Parameters<typeof startServer>[0] = {}) => {
  const running = await startServer(options);
  ends.push(running.close);
  return running;
};
const open = async (of: Device, options: Parameters<Device["open"]>[0]) => {
  const tab = await of.open(options);
  ends.push(tab.close);
  return tab;
};
const execute = async (tab: Tab, ...commands: CommandRequest[]) =>
  unwrap(await tab.execute(commands, null, null)).commit;
const settled = async (tab: Tab, commit: string) => unwrap(await tab.api.settled(commit)).settled;
const rows = (tab: Tab) => [...tab.rows(board.name).values()].sort((a, b) => (a.key < b.key ? -1 : 1));
const quiet = (...tabs: Tab[]) =>
  until(
    () => tabs.every((tab) => tab.status().pending === 0 && tab.status().position === tabs[0]?.status().position),
    "all synced",
  );

describe("sync: two devices and a server", () => {
  test("sync: a command of one device reaches the other through the live socket", async () => {
    const { url } = await server();
    const [ada, bob] = [
      await open(device(domain, "team", "ada"), { url }),
      await open(device(domain, "team", "bob"), { url }),
    ];
    await until(() => bob.status().connection === "live", "bob is live");
    const commit = await execute(ada, task.command.add("t1", { title: "Milk", column: "todo" }));
    expect(await settled(ada, commit)).toMatchObject({ outcome: "accepted", position: 1 });
    await until(() => bob.rows(board.name).has("task/t1"), "bob sees it");
    expect(rows(bob)).toEqual(rows(ada));
  });

  test("sync: work of two paused devices settles on both after they resume", async () => {
    const { url } = await server();
    const [ada, bob] = [
      await open(device(domain, "team", "ada"), { url }),
      await open(device(domain, "team", "bob"), { url }),
    ];
    for (let n = 0; n < 10; n++) await execute(ada, task.command.add(`t${n}`, { title: `Task ${n}`, column: "todo" }));
    await quiet(ada, bob);
    ada.api.setPaused(true);
    bob.api.setPaused(true);
    const commits: [Tab, string][] = [];
    for (let n = 0; n < 50; n++) {
      for (const [tab, who] of [
        [ada, "ada"],
        [bob, "bob"],
      ] as const) {
        const id = `t${n % 10}`;
        const command = [
          task.command.rename(id, { title: `${who} ${n}` }),
          task.command.note(id, { text: `${who} ${n}` }),
          task.command.claim(id, { title: `${who} claims` }),
          task.command.complete(id),
        ][n % 4];
        if (command) commits.push([tab, await execute(tab, command)]);
      }
    }
    ada.api.setPaused(false);
    bob.api.setPaused(false);
    const outcomes = await Promise.all(commits.map(async ([tab, commit]) => (await settled(tab, commit)).outcome));
    expect(new Set(outcomes)).toEqual(new Set(["accepted", "rebased", "rejected"]));
    await quiet(ada, bob);
    expect(rows(ada)).toEqual(rows(bob));
    expect(ada.update().rejections?.length ?? 0).toBe(ada.status().rejections);
  });

  test("sync: each conflict policy settles a concurrent command by its rule", async () => {
    const { url } = await server();
    const [ada, bob] = [
      await open(device(domain, "team", "ada"), { url }),
      await open(device(domain, "team", "bob"), { url }),
    ];
    await execute(
      ada,
      task.command.add("t1", { title: "Milk", column: "todo" }),
      column.command.add("doing", { name: "Doing" }),
    );
    await quiet(ada, bob);
    bob.api.setPaused(true);
    const renamed = await execute(bob, task.command.rename("t1", { title: "Bob's" }));
    const moved = await execute(bob, task.command.move("t1", { column: "doing" }));
    const noted = await execute(bob, task.command.note("t1", { text: "hello" }));
    const claimed = await execute(bob, task.command.claim("t1", { title: "Mine" }));
    const done = await execute(bob, task.command.complete("t1"));
    await execute(
      ada,
      task.command.rename("t1", { title: "Ada's" }),
      column.command.remove("doing"),
      task.command.complete("t1"),
    );
    await until(() => ada.status().pending === 0, "ada synced");
    bob.api.setPaused(false);
    expect(await settled(bob, renamed)).toMatchObject({ outcome: "rejected", code: "renamed-meanwhile" });
    expect(await settled(bob, moved)).toMatchObject({ outcome: "rejected", code: "no-such-column" });
    expect(await settled(bob, noted)).toMatchObject({ outcome: "accepted" });
    expect(await settled(bob, claimed)).toMatchObject({ outcome: "rejected", code: "conflict" });
    expect(await settled(bob, done)).toMatchObject({ outcome: "rebased" });
    await quiet(ada, bob);
    expect(rows(bob)).toEqual(rows(ada));
    expect(bob.update().rejections).toHaveLength(3);
    const renames: unknown = expect.arrayContaining([expect.objectContaining({ type: "TaskRenamed", actor: "ada" })]);
    expect(bob.update().rejections?.[0]).toMatchObject({ code: "renamed-meanwhile", theirs: renames });
  });

  test("sync: a rejection survives a reload, and retry executes on the current state", async () => {
    const { url } = await server();
    const bobs = device(domain, "team", "bob");
    const [ada, bob] = [await open(device(domain, "team", "ada"), { url }), await bobs.open({ url })];
    await execute(ada, task.command.add("t1", { title: "Milk", column: "todo" }));
    await quiet(ada, bob);
    bob.api.setPaused(true);
    const commit = await execute(bob, task.command.claim("t1", { title: "Bob's" }));
    await execute(ada, task.command.rename("t1", { title: "Ada's" }));
    await until(() => ada.status().pending === 0, "ada synced");
    bob.api.setPaused(false);
    await settled(bob, commit);
    await bob.close();
    const again = await open(bobs, { url });
    await until(() => again.update().rejections?.length === 1, "the rejection is there");
    const retried = unwrap(await again.execute(again.update().rejections?.[0]?.commands ?? [], null, commit)).commit;
    expect(await settled(again, retried)).toMatchObject({ outcome: "accepted" });
    await until(() => again.status().rejections === 0, "the rejection is gone");
    await quiet(ada, again);
    expect(ada.rows(board.name).get("task/t1")?.row).toMatchObject({ title: "Bob's" });
  });
});

describe("sync: a network that fails", () => {
  const losing =
    (lose: (call: number) => "request" | "answer" | null) =>
    (inner: Transport): Transport => {
      let calls = 0;
      const lossy = async <T>(run: () => Promise<T>): Promise<T> => {
        const lost = lose(++calls);
        if (lost === "request") throw new TypeError("lost");
        const answer = await run();
        if (lost === "answer") throw new TypeError("lost");
        return answer;
      };
      return {
        ...inner,
        push: (...args) =>
          lossy(() => inner.push(...args)).catch(() =>
            Promise.reject(new UnreachableError("The network lost it", null)),
          ),
        pull: (...args) =>
          lossy(() => inner.pull(...args)).catch(() =>
            Promise.reject(new UnreachableError("The network lost it", null)),
          ),
      };
    };

  test("push: lost answers duplicate nothing", async () => {
    const { url } = await server();
    const ada = await open(device(domain, "team", "ada"), {
      url,
      transport: losing((call) => (call % 3 === 0 ? null : call % 2 ? "answer" : "request")),
    });
    const commits = [];
    for (let n = 0; n < 30; n++)
      commits.push(await execute(ada, task.command.add(`t${n}`, { title: `Task ${n}`, column: "todo" })));
    const outcomes = await Promise.all(commits.map((commit) => settled(ada, commit)));
    expect(outcomes.every(({ outcome }) => outcome === "accepted")).toBe(true);
    const bob = await open(device(domain, "team", "bob"), { url });
    await until(() => bob.status().position === 30, "bob has 30");
    expect(rows(bob)).toHaveLength(30);
  });
});

describe("resolveDivergence", () => {
  test("resolveDivergence: a server restored from an older file gets all lost work again", async () => {
    const folder = await temporaryFolder();
    ends.push(folder.remove);
    const file = folder.path("logs.db");
    let running: RunningServer = await startServer({ store: sqlite(file) });
    const { url, port } = running;
    const [ada, bob] = [
      await open(device(domain, "team", "ada"), { url }),
      await open(device(domain, "team", "bob"), { url }),
    ];
    for (let n = 0; n < 5; n++) await execute(ada, task.command.add(`a${n}`, { title: `a ${n}`, column: "todo" }));
    await quiet(ada, bob);
    await running.close();
    await copyFile(file, folder.path("backup.db"));
    running = await startServer({ store: sqlite(file), port });
    for (let n = 5; n < 10; n++) {
      await execute(ada, task.command.add(`a${n}`, { title: `a ${n}`, column: "todo" }));
      await execute(bob, task.command.add(`b${n}`, { title: `b ${n}`, column: "todo" }));
    }
    await until(() => ada.status().position === 15 && bob.status().position === 15, "both have all");
    await running.close();
    await copyFile(folder.path("backup.db"), file);
    for (const suffix of ["-wal", "-shm"]) await rm(`${file}${suffix}`, { force: true });
    await execute(bob, task.command.rename("a7", { title: "renamed while the server was away" }));
    running = await startServer({ store: sqlite(file), port });
    ends.push(() => running.close());
    await until(
      () =>
        [ada, bob].every((tab) => tab.status().pending === 0 && tab.status().position >= 15) &&
        ada.status().position === bob.status().position,
      "both offered again what was lost",
    );
    expect(rows(ada)).toHaveLength(15);
    expect(rows(bob)).toEqual(rows(ada));
  });

  test("resolveDivergence: a local log that gets a server later is pushed whole", async () => {
    const { url } = await server();
    const adas = device(domain, "team", "ada");
    const local = await adas.open();
    for (let n = 0; n < 10; n++)
      await execute(local, task.command.add(`t${n}`, { title: `Task ${n}`, column: "todo" }));
    await execute(local, task.command.complete("t3"));
    await until(() => local.status().pending === 0, "confirmed locally");
    await local.close();
    const bob = await open(device(domain, "team", "bob"), { url });
    await execute(bob, task.command.add("b1", { title: "Bob was here", column: "todo" }));
    await until(() => bob.status().pending === 0, "bob synced");
    const ada = await open(adas, { url });
    await until(
      () => ada.status().position === 12 && bob.status().position === 12 && ada.status().pending === 0,
      "both have all 12",
    );
    expect(rows(ada)).toEqual(rows(bob));
    expect(rows(ada)).toHaveLength(11);
  });
});

describe("dropConfirmed", () => {
  test("dropConfirmed: drops other authors' events, keeps own commits, and refills with the right", async () => {
    const readers = new Set(["ada", "bob"]);
    const { url } = await server({ permit: ({ actor }) => readers.has(actor) });
    const [ada, bob] = [
      await open(device(domain, "team", "ada"), { url }),
      await open(device(domain, "team", "bob"), { url }),
    ];
    await settled(ada, await execute(ada, task.command.add("t1", { title: "Secret", column: "todo" })));
    await until(() => bob.rows(board.name).has("task/t1"), "bob has it");
    readers.delete("bob");
    const pending = await execute(bob, task.command.add("t2", { title: "Bob's own", column: "todo" }));
    await until(() => bob.status().error?.code === "forbidden", "bob sees the error");
    await until(() => !bob.rows(board.name).has("task/t1"), "what others wrote is gone");
    expect(bob.rows(board.name).get("task/t2")).toMatchObject({ pending: true });
    readers.add("bob");
    bob.api.setPaused(false);
    expect(await settled(bob, pending)).toMatchObject({ outcome: "accepted" });
    await quiet(ada, bob);
    expect(rows(bob)).toEqual(rows(ada));
  });

  test("dropConfirmed: own commits that the server lost meanwhile return once the right is back", async () => {
    const folder = await temporaryFolder();
    ends.push(folder.remove);
    const [file, backup] = [folder.path("logs.db"), folder.path("backup.db")];
    const readers = new Set(["ada", "bob"]);
    const start = (port?: number) =>
      startServer({
        store: sqlite(file),
        permit: ({ actor }) => readers.has(actor),
        ...(port !== undefined && { port }),
      });
    let running = await start();
    const { url, port } = running;
    const [ada, bob] = [
      await open(device(domain, "team", "ada"), { url }),
      await open(device(domain, "team", "bob"), { url }),
    ];
    await execute(bob, task.command.add("b1", { title: "in the backup", column: "todo" }));
    await quiet(ada, bob);
    await running.close();
    await copyFile(file, backup);
    running = await start(port);
    const lost = await execute(bob, task.command.add("b2", { title: "lost by the server", column: "todo" }));
    expect(await settled(bob, lost)).toMatchObject({ outcome: "accepted", position: 2 });
    readers.delete("bob");
    bob.api.lifecycle("visible");
    await until(
      () => bob.status().error?.code === "forbidden" && bob.status().position === 0,
      "bob has dropped his log",
    );
    await running.close();
    await copyFile(backup, file);
    for (const suffix of ["-wal", "-shm"]) await rm(`${file}${suffix}`, { force: true });
    running = await start(port);
    ends.push(() => running.close());
    for (const id of ["a1", "a2", "a3"]) await execute(ada, task.command.add(id, { title: id, column: "todo" }));
    await until(() => ada.status().pending === 0 && ada.status().position === 4, "ada's work is there");
    readers.add("bob");
    bob.api.lifecycle("visible");
    await until(
      () => ada.rows(board.name).has("task/b2") && bob.status().position === 5 && bob.status().pending === 0,
      "bob's work is back",
    );
    expect(rows(bob)).toEqual(rows(ada));
    expect(bob.status().rejections).toBe(0);
  });
});

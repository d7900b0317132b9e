import { afterEach, describe, expect, test } from "vitest";
import { exportLines } from "../../../../src/client/engine/export-import.ts";
import type { LogStore } from "../../../../src/client/stores/log-store.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { device, type Tab, until } from "../../../support/device.ts";
import { startServer } from "../../../support/server.ts";
import { containing } from "../../../support/matchers.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const opened = async (tab: Promise<Tab>) => {
  const one = await tab;
  ends.push(one.close);
  return one;
};
const execute = async (tab: Tab, ...commands: Parameters<Tab["execute"]>[0]) =>
  unwrap(await tab.execute(commands, null, null)).commit;
const rows = (tab: Tab) => [...tab.rows(board.name).values()].sort((a, b) => (a.key < b.key ? -1 : 1));
const exported = async (tab: Tab) => {
  let text = "";
  for (let begin = true, piece: string | null = ""; piece !== null; begin = false) {
    piece = unwrap(await tab.api.exportNext(begin));
    text += piece ?? "";
  }
  return text;
};
/** Imports in pieces that end anywhere. */
const imported = async (tab: Tab, text: string) => {
  for (let at = 0; ; at += 97) {
    const last = at + 97 >= text.length;
    const answer = await tab.api.importNext(text.slice(at, at + 97), { begin: at === 0, last });
    if (last) return answer;
  }
};

describe("export and import", () => {
  test("export: confirmed, pending and rejected commits move to another device, which then syncs", async () => {
    const server = await startServer();
    ends.push(server.close);
    const [ada, bob] = [
      await opened(device(domain, "team", "ada").open({ url: server.url })),
      await opened(device(domain, "team", "bob").open({ url: server.url })),
    ];
    await execute(ada, task.command.add("t1", { title: "Milk", column: "todo" }));
    await until(() => bob.rows(board.name).has("task/t1"), "bob has it");
    bob.api.setPaused(true);
    const refused = await execute(bob, task.command.claim("t1", { title: "Bob's" }));
    await ada.api.settled(await execute(ada, task.command.rename("t1", { title: "Ada's" })));
    bob.api.setPaused(false);
    expect(unwrap(await bob.api.settled(refused)).settled.outcome).toBe("rejected");
    bob.api.setPaused(true);
    await execute(bob, task.command.note("t1", { text: "offline" }));
    const file = await exported(bob);

    const elsewhere = device(domain, "team", "bob");
    const offline = await elsewhere.open({ url: "http://127.0.0.1:9/sync" });
    const other = await opened(device(domain, "other", "bob").open());
    expect(await imported(other, file)).toMatchObject({
      ok: false,
      error: { code: "invalid", message: containing("team") },
    });
    unwrap(await imported(offline, file));
    await offline.close();
    const moved = await opened(elsewhere.open({ url: server.url }));
    moved.api.setPaused(true);
    expect(rows(moved)).toEqual(rows(bob));
    expect(moved.update().rejections?.map(({ commit }) => commit)).toEqual([refused]);
    moved.api.setPaused(false);
    await until(
      () => moved.status().pending === 0 && JSON.stringify(rows(ada)).includes('"notes":1'),
      "the note arrived",
    );
  });

  test("import: refuses the file of another user before it writes", async () => {
    const guest = await opened(device(domain, "team", "guest").open());
    await guest.api.settled(await execute(guest, task.command.add("t1", { title: "Milk", column: "todo" })));
    const file = await exported(guest);
    const server = await startServer();
    ends.push(server.close);
    const ada = await opened(device(domain, "team", "ada").open({ url: server.url }));
    const refused = await imported(ada, file);
    expect(refused).toMatchObject({
      ok: false,
      error: { code: "invalid", details: { user: "guest" }, fix: containing("log.moveTo") },
    });
    await execute(ada, task.command.add("t2", { title: "Eggs", column: "todo" }));
    await until(() => ada.status().connection === "live" && ada.status().pending === 0, "Ada's own work is sent");
    expect(rows(ada).map(({ key }) => key)).toEqual(["task/t2"]);
    const again = await imported(ada, file);
    expect(again).toMatchObject({ ok: false, error: { code: "invalid" } });
  });

  test("export: a commit that settles during the export is in the file once", async () => {
    const nowhere = { url: "http://127.0.0.1:9/sync" };
    const there = device(domain, "team", "ada");
    const tab = await opened(there.open(nowhere));
    const commit = await execute(tab, task.command.add("t1", { title: "Milk", column: "todo" }));
    const store = memoryLogStore(there.database);
    const withdrawnMeanwhile: LogStore = {
      ...store,
      readSent: async (numbers) => {
        unwrap(await tab.api.withdraw(commit));
        return store.readSent(numbers);
      },
    };
    const lines: string[] = [];
    for await (const line of exportLines(withdrawnMeanwhile, "team")) lines.push(line);

    const moved = await opened(device(domain, "team", "ada").open(nowhere));
    unwrap(await imported(moved, lines.join("\n")));
    expect(moved.update().rejections).toEqual([]);
    expect(moved.status().pending).toBe(1);
  });

  test("import: a file that is cut or changed, or a log that is not empty, changes nothing", async () => {
    const ada = await opened(device(domain, "team", "ada").open());
    for (let n = 0; n < 3; n++) await execute(ada, task.command.add(`t${n}`, { title: `Task ${n}`, column: "todo" }));
    await until(() => ada.status().pending === 0, "confirmed");
    const file = await exported(ada);
    const lines = file.trimEnd().split("\n");
    const fresh = await opened(device(domain, "team", "ada").open());
    const without = (at: number) => lines.filter((_, n) => n !== at).join("\n");
    for (const broken of [
      "",
      "{}",
      lines.slice(0, -1).join("\n"),
      without(0),
      without(1),
      without(2),
      file.replace('"position":2', '"position":3'),
      `${file}{"pending":{}}`,
    ]) {
      expect(await imported(fresh, broken)).toMatchObject({ ok: false, error: { code: "invalid" } });
    }
    expect(fresh.status()).toMatchObject({ position: 0, pending: 0 });
    await execute(ada, task.command.complete("t1"));
    expect(await imported(ada, file)).toMatchObject({ ok: false, error: { code: "concurrency", retry: "after-fix" } });
    unwrap(await imported(fresh, file));
    expect(rows(fresh).map(({ row }) => row)).toEqual(
      [0, 1, 2].map((n) => ({ title: `Task ${n}`, column: "todo", done: false, notes: 0 })),
    );
  });
});

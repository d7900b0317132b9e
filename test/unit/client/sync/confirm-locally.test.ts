import { afterEach, describe, expect, test } from "vitest";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { board, columnCounts, domain, task } from "../../../support/board-domain.ts";
import { device, type Tab, until } from "../../../support/device.ts";

const tabs: Tab[] = [];
afterEach(async () => {
  for (const tab of tabs.splice(0)) await tab.close();
});
const opened = async (tab: Promise<Tab>) => {
  const one = await tab;
  tabs.push(one);
  return one;
};
const titles = (tab: Tab) =>
  [...tab.rows(board.name).values()].map((entry) => (entry.row as { title: string }).title).sort();

describe("confirmLocally", () => {
  test("confirmLocally: a row is visible once execute resolved, and is confirmed without a server", async () => {
    const tab = await opened(device(domain, "log", "ada").open());
    const { commit } = unwrap(
      await tab.execute([task.command.add("t1", { title: "Milk", column: "todo" })], null, null),
    );
    expect(titles(tab)).toEqual(["Milk"]);
    expect(tab.rows(columnCounts.name).get("todo")?.row).toEqual({ tasks: 1 });
    const { settled } = unwrap(await tab.api.settled(commit));
    expect(settled).toMatchObject({ outcome: "accepted", position: 1 });
    await until(
      () => tab.status().pending === 0 && tab.rows(board.name).get("task/t1")?.pending === false,
      "confirmed",
    );
    expect(tab.status()).toMatchObject({ connection: "local", leader: true, position: 1 });
  });

  test("confirmLocally: all commits survive a reload", async () => {
    const ada = device(domain, "log", "ada");
    const first = await ada.open();
    for (let n = 0; n < 20; n++)
      unwrap(await first.execute([task.command.add(`t${n}`, { title: `Task ${n}`, column: "todo" })], null, null));
    await first.close();
    const again = await opened(ada.open());
    expect(titles(again)).toHaveLength(20);
  });

  test("confirmLocally: two tabs with 200 commands each get one order, none lost or double", async () => {
    const ada = device(domain, "log", "ada");
    const [one, two] = [await opened(ada.open()), await opened(ada.open())];
    const add = (tab: Tab, name: string) =>
      Promise.all(
        Array.from({ length: 200 }, async (_, n) =>
          unwrap(
            await tab.execute([task.command.add(`${name}${n}`, { title: `${name} ${n}`, column: "todo" })], null, null),
          ),
        ),
      );
    await Promise.all([add(one, "a"), add(two, "b")]);
    await until(
      () =>
        one.status().pending === 0 &&
        two.status().pending === 0 &&
        one.status().position === 400 &&
        two.status().position === 400,
      "both at 400",
    );
    expect(titles(one)).toHaveLength(400);
    expect([...one.rows(board.name).values()].sort((a, b) => (a.key < b.key ? -1 : 1))).toEqual(
      [...two.rows(board.name).values()].sort((a, b) => (a.key < b.key ? -1 : 1)),
    );
  });

  test("execute: a commit of several commands succeeds or fails as a whole", async () => {
    const tab = await opened(device(domain, "log", "ada").open());
    const bad = await tab.execute(
      [task.command.add("t1", { title: "Milk", column: "todo" }), task.command.rename("nobody", { title: "x" })],
      null,
      null,
    );
    expect(bad).toMatchObject({
      ok: false,
      error: { code: "rejected", details: { code: "no-such-task", stream: "task/nobody" } },
    });
    expect(titles(tab)).toEqual([]);
    unwrap(
      await tab.execute(
        [task.command.add("t1", { title: "Milk", column: "todo" }), task.command.complete("t1")],
        null,
        null,
      ),
    );
    expect(tab.rows(board.name).get("task/t1")?.row).toMatchObject({ title: "Milk", done: true });
  });

  test("execute: an invalid command is refused with its path, and never reaches the log", async () => {
    const tab = await opened(device(domain, "log", "ada").open());
    const bad = await tab.execute(
      [{ stream: "task/t1", name: "add", v: 1, input: { title: "", column: "todo" } }],
      null,
      null,
    );
    expect(bad).toMatchObject({ ok: false, error: { code: "invalid", details: { path: ["title"] } } });
    const unknown = await tab.execute([{ stream: "task/t1", name: "fly", v: 1 }], null, null);
    expect(unknown).toMatchObject({ ok: false, error: { code: "unknown-command" } });
    expect(tab.status()).toMatchObject({ pending: 0, position: 0 });
  });

  test("history: returns a stream's events, and stateAt its state at each version", async () => {
    const tab = await opened(device(domain, "log", "ada").open());
    unwrap(await tab.execute([task.command.add("t1", { title: "Milk", column: "todo" })], null, null));
    unwrap(await tab.execute([task.command.rename("t1", { title: "Oat milk" })], null, null));
    await until(() => tab.status().pending === 0, "confirmed");
    unwrap(await tab.execute([task.command.complete("t1")], null, null));
    const history = unwrap(await tab.api.history("task/t1"));
    expect(history.map(({ type, version }) => [type, version])).toEqual([
      ["TaskAdded", 1],
      ["TaskRenamed", 2],
      ["TaskCompleted", 3],
    ]);
    expect(unwrap(await tab.api.stateAt("task/t1", 1))).toMatchObject({ title: "Milk", done: false });
    expect(unwrap(await tab.api.stateAt("task/t1", null))).toMatchObject({ title: "Oat milk", done: true });
    expect(await tab.api.stateAt("task/t1", 9)).toMatchObject({ ok: false, error: { code: "rejected" } });
  });

  test("undo: reverses the last commit with a new one, redo brings it back, also after a reload", async () => {
    const ada = device(domain, "log", "ada");
    const first = await ada.open();
    unwrap(await first.execute([task.command.add("t1", { title: "Milk", column: "todo" })], null, null));
    unwrap(await first.execute([task.command.rename("t1", { title: "Oat milk" })], null, null));
    const title = (tab: Tab) => titles(tab)[0];
    await until(() => first.status().pending === 0, "confirmed");
    await first.close();
    const tab = await opened(ada.open());
    expect(unwrap(await tab.api.undo(false))).not.toBeNull();
    expect(title(tab)).toBe("Milk");
    expect(unwrap(await tab.api.redo(false))).not.toBeNull();
    expect(title(tab)).toBe("Oat milk");
    expect(unwrap(await tab.api.redo(false))).toBeNull();
    expect(unwrap(await tab.api.undo(false))).not.toBeNull();
    expect(title(tab)).toBe("Milk");
    expect(unwrap(await tab.api.undo(false))).toBeNull();
    expect(unwrap(await tab.api.history("task/t1"))).toHaveLength(5);
  });
});

test("undo: two quick calls undo two commits, one each", async () => {
  const tab = await opened(device(domain, "log", "ada").open());
  unwrap(await tab.execute([task.command.add("t1", { title: "Milk", column: "todo" })], null, null));
  unwrap(await tab.execute([task.command.rename("t1", { title: "Oat milk" })], null, null));
  unwrap(await tab.execute([task.command.rename("t1", { title: "Rice milk" })], null, null));
  const undone = await Promise.all([tab.api.undo(false), tab.api.undo(false), tab.api.undo(false)]);
  expect(undone.map((one) => unwrap(one) !== null)).toEqual([true, true, false]);
  expect(titles(tab)).toEqual(["Milk"]);
});

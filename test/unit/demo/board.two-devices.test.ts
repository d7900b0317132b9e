/** The board's rules, as two people meet them: two devices and a server, one of them away for a while. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { domain } from "../../../demo/board/domain.ts";
import { card } from "../../../demo/board/domain/card.ts";
import { column } from "../../../demo/board/domain/column.ts";
import { cards, columnCounts, columns, comments } from "../../../demo/board/domain/read-models.ts";
import { unwrap } from "../../../src/client/messages/worker-messages.ts";
import type { CommandRequest } from "../../../src/core/domain/definition.ts";
import { simulate } from "../../../src/testing/index.ts";
import { device, type Tab, until } from "../../support/device.ts";
import { startServer, type RunningServer } from "../../support/server.ts";

let server: RunningServer;
let ada: Tab;
let ben: Tab;

beforeEach(async () => {
  server = await startServer({ domain });
  ada = await device(domain, "board", "Ada").open({ url: server.url });
  ben = await device(domain, "board", "Ben").open({ url: server.url });
});
afterEach(async () => {
  await ada.close();
  await ben.close();
  await server.close();
});

const execute = async (tab: Tab, ...commands: CommandRequest[]) =>
  unwrap(await tab.execute(commands, null, null)).commit;
const settled = async (tab: Tab, commit: string) => unwrap(await tab.api.settled(commit)).settled;
const same = () =>
  until(
    () => [ada, ben].every((tab) => tab.status().pending === 0 && tab.status().position === ada.status().position),
    "both have the same",
  );
const row = (tab: Tab, projection: { readonly name: string }, key: string) => tab.rows(projection.name).get(key)?.row;

const begin = async () => {
  await execute(
    ada,
    column.command.add("todo", { name: "To do", order: "F" }),
    column.command.add("done", { name: "Done", order: "k" }),
  );
  await execute(ada, card.command.add("c1", { title: "Milk", column: "todo", order: "V" }));
  await same();
};
/** Ben works without a network after Ada's change. Returns the outcome of his work. */
const benWhileAway = async (his: CommandRequest[], hers: CommandRequest[]) => {
  await begin();
  unwrap(ben.api.setPaused(true));
  const commits: string[] = [];
  for (const command of his) commits.push(await execute(ben, command));
  await execute(ada, ...hers);
  await until(() => ada.status().pending === 0, "hers is recorded");
  unwrap(ben.api.setPaused(false));
  const outcomes = [];
  for (const commit of commits) outcomes.push(await settled(ben, commit));
  await same();
  return outcomes;
};

describe("the board's rules", () => {
  test("column add: two people who start a board at once get its columns once", async () => {
    const first = [
      column.command.add("todo", { name: "To do", order: "F" }),
      column.command.add("done", { name: "Done", order: "k" }),
    ];
    unwrap(ben.api.setPaused(true));
    const second = await execute(ben, ...first);
    await execute(ada, ...first);
    await until(() => ada.status().pending === 0, "hers is recorded");
    unwrap(ben.api.setPaused(false));
    expect(await settled(ben, second)).toMatchObject({ outcome: "rebased" });
    await same();
    expect(ben.status()).toMatchObject({ rejections: 0, position: 2 });
    expect([...ben.rows(columns.name).keys()]).toEqual(["board-column/todo", "board-column/done"]);
  });

  test("rename: the second author gets the first author's name and title", async () => {
    const [outcome] = await benWhileAway(
      [card.command.rename("c1", { title: "Soy milk" })],
      [card.command.rename("c1", { title: "Oat milk" })],
    );
    expect(outcome).toMatchObject({
      outcome: "rejected",
      code: "renamed-meanwhile",
      message: "Ada renamed it to “Oat milk” first",
    });
    expect(row(ben, cards, "card/c1")).toMatchObject({ title: "Oat milk", changedBy: "Ada" });
  });

  test("rename: the same title from two authors is no conflict", async () => {
    const [outcome] = await benWhileAway(
      [card.command.rename("c1", { title: "Oat milk" })],
      [card.command.rename("c1", { title: "Oat milk" })],
    );
    expect(outcome).toMatchObject({ outcome: "rebased" });
    expect(ben.status().rejections).toBe(0);
  });

  test("rename: is kept beside other changes of the card", async () => {
    const [outcome] = await benWhileAway(
      [card.command.rename("c1", { title: "Soy milk" })],
      [card.command.complete("c1"), card.command.assign("c1", { to: "Ada" })],
    );
    expect(outcome).toMatchObject({ outcome: "accepted" });
    expect(row(ada, cards, "card/c1")).toMatchObject({ title: "Soy milk", done: true, assignee: "Ada" });
  });

  test("move: rejects a removed column", async () => {
    const [outcome] = await benWhileAway(
      [card.command.move("c1", { column: "done", order: "W" })],
      [column.command.remove("done")],
    );
    expect(outcome).toMatchObject({ outcome: "rejected", code: "no-such-column" });
    expect(row(ben, cards, "card/c1")).toMatchObject({ column: "todo" });
  });

  test("complete: a card that two authors complete is done once, without a rejection", async () => {
    const [outcome] = await benWhileAway([card.command.complete("c1")], [card.command.complete("c1")]);
    expect(outcome).toMatchObject({ outcome: "rebased" });
    expect(ben.status()).toMatchObject({ position: 4, rejections: 0 });
    expect(row(ben, columnCounts, "todo")).toEqual({ cards: 1, done: 1 });
  });

  test("comment: stays on a card that was archived meanwhile", async () => {
    const [outcome] = await benWhileAway([card.command.comment("c1", { text: "Wait!" })], [card.command.archive("c1")]);
    expect(outcome).toMatchObject({ outcome: "accepted" });
    expect([...ada.rows(comments.name).values()]).toMatchObject([
      { row: { card: "card/c1", by: "Ben", text: "Wait!" } },
    ]);
    expect(row(ada, cards, "card/c1")).toBeUndefined();
  });

  test("archive: rejects if its author had not seen a comment", async () => {
    const [outcome] = await benWhileAway(
      [card.command.archive("c1")],
      [card.command.comment("c1", { text: "Not yet, please" })],
    );
    expect(outcome).toMatchObject({
      outcome: "rejected",
      code: "commented-meanwhile",
      message: "Ada commented first: “Not yet, please”",
    });
    expect(row(ben, cards, "card/c1")).toMatchObject({ comments: 1, archived: false });
  });

  test("describe: two descriptions do not overwrite each other", async () => {
    const [outcome] = await benWhileAway(
      [card.command.describe("c1", { description: "Two litres" })],
      [card.command.describe("c1", { description: "One litre" })],
    );
    expect(outcome).toMatchObject({ outcome: "rejected", code: "described-meanwhile" });
    expect(row(ben, cards, "card/c1")).toMatchObject({ description: "One litre" });
  });

  test("column remove: moves all cards and removes the column, or changes nothing", async () => {
    await begin();
    await execute(ada, card.command.move("c1", { column: "done", order: "V" }), column.command.remove("todo"));
    await same();
    expect(row(ben, cards, "card/c1")).toMatchObject({ column: "done" });
    expect(row(ben, columns, "board-column/todo")).toBeUndefined();
    expect(row(ben, columnCounts, "done")).toEqual({ cards: 1, done: 0 });
    // Nowhere to go: nothing of it happens.
    expect(
      await ada.execute(
        [column.command.remove("done"), card.command.move("c1", { column: "todo", order: "V" })],
        null,
        null,
      ),
    ).toMatchObject({ ok: false });
    expect(row(ada, columns, "board-column/done")).toMatchObject({ name: "Done" });
  });

  test("column remove: rejects if its author had not seen the new name", async () => {
    const [outcome] = await benWhileAway(
      [column.command.remove("done")],
      [column.command.rename("done", { name: "Shipped" })],
    );
    expect(outcome).toMatchObject({ outcome: "rejected", code: "changed-meanwhile" });
  });

  test("restore: an archived card returns unchanged, and counts stay correct", async () => {
    await begin();
    await execute(ada, card.command.archive("c1"));
    expect(row(ada, columnCounts, "todo")).toEqual({ cards: 0, done: 0 });
    await execute(ada, card.command.restore("c1"));
    await same();
    expect(row(ben, cards, "card/c1")).toMatchObject({ title: "Milk", column: "todo", archived: false });
    expect(row(ben, columnCounts, "todo")).toEqual({ cards: 1, done: 0 });
  });
});

test("simulate: all devices reach the same board under all faults", async () => {
  const lanes = ["todo", "doing", "done"];
  const report = await simulate(domain, {
    seeds: 25,
    clients: 3,
    steps: 30,
    commands: ({ random }) => {
      const pick = <T>(of: readonly T[]): T => {
        const one = of[random.below(of.length)];
        if (one === undefined) throw new Error("Nothing to pick from");
        return one;
      };
      const id = `c${random.below(4)}`;
      const order = `V${random.below(9) + 1}`;
      const lane = pick(lanes);
      return pick([
        () => lanes.map((name) => column.command.add(name, { name, order: `F${name.length}` })),
        () => [column.command.rename(lane, { name: `Lane ${random.below(5)}` })],
        () => [card.command.move(id, { column: pick(lanes), order }), column.command.remove(lane)],
        () => [card.command.add(id, { title: `Card ${random.below(9)}`, column: lane, order })],
        () => [card.command.add(id, { title: `Card ${random.below(9)}`, column: lane, order })],
        () => [card.command.rename(id, { title: `Name ${random.below(9)}` })],
        () => [card.command.move(id, { column: lane, order })],
        () => [card.command.complete(id)],
        () => [card.command.reopen(id)],
        () => [card.command.comment(id, { text: `Said ${random.below(9)}` })],
        () => [random.below(3) === 0 ? card.command.archive(id) : card.command.restore(id)],
      ])();
    },
  });
  expect(report).toMatchObject({ seeds: 25, broken: [] });
});

// Undo of a commit that other authors' events changed: the server records fewer events than its author expected.
import * as v from "valibot";
import { expect, onTestFinished, test } from "vitest";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { undoRedo } from "../../../../src/client/worker/undo-redo.ts";
import { undoTarget } from "../../../../src/client/worker/undo-stack.ts";
import { aggregate, defineDomain, projection } from "../../../../src/index.ts";
import { device, until } from "../../../support/device.ts";
import { openTab } from "../../../support/engine/open-tab.ts";
import { RecordingServer } from "../../../support/engine/recording-server.ts";
import { startServer } from "../../../support/server.ts";

const tags = v.object({ tags: v.array(v.string()) });
const tag = v.object({ tag: v.string() });
const none: readonly string[] = [];
const card = aggregate("card", {
  version: 1,
  initial: none,
  events: { TagAdded: tag, TagRemoved: tag },
  evolve: {
    TagAdded: (state, { data }) => [...state, data.tag],
    TagRemoved: (state, { data }) => state.filter((one) => one !== data.tag),
  },
  commands: {
    addTags: {
      input: tags,
      decide: (state, input, { emit }) =>
        input.tags.filter((one) => !state.includes(one)).map((one) => emit("TagAdded", { tag: one })),
      undo: ({ before, input, command }) =>
        command.removeTags({ tags: input.tags.filter((one) => !before.includes(one)) }),
    },
    removeTags: {
      input: tags,
      decide: (state, input, { emit }) =>
        input.tags.filter((one) => state.includes(one)).map((one) => emit("TagRemoved", { tag: one })),
    },
  },
});
const cards = projection("cards", {
  version: 1,
  from: [card],
  initial: none,
  on: { TagAdded: (_, { after }) => after, TagRemoved: (_, { after }) => after },
});
const domain = defineDomain({ version: 1, aggregates: [card], projections: [cards] });
const add = (...names: string[]) => [card.command.addTags("c1", { tags: names })];
const byBob = { code: "conflict", theirs: [{ actor: "bob", data: { tag: "urgent" } }] };

/** Tabs of Ada's device and of Bob's, and a server that records what a device expects. */
async function tabs() {
  const [adas, bobs] = [newDatabase(), newDatabase()];
  const server = new RecordingServer();
  const { engine: ada } = await openTab(domain, adas);
  const { engine: other } = await openTab(domain, adas);
  const { engine: bob } = await openTab(domain, bobs, { user: "bob" });
  return { ada, other, bob, server };
}

const newDatabase = () => new MemoryDatabase(() => crypto.randomUUID());
const undo = (engine: Awaited<ReturnType<typeof tabs>>["ada"]) =>
  undoRedo(engine, (commit) => commit)(undoTarget, false);

test("undo: leaves the event of another person that made the server record fewer events", async () => {
  const server = await startServer({ domain });
  const ada = await device(domain, "team", "ada").open({ url: server.url, paused: true });
  const bob = await device(domain, "team", "bob").open({ url: server.url });
  onTestFinished(async () => {
    await ada.close();
    await bob.close();
    await server.close();
  });
  const tagsOf = (tab: typeof ada) => tab.rows("cards").get("card/c1")?.row;
  unwrap(await ada.execute(add("red", "urgent")));
  unwrap(await bob.execute(add("urgent")));
  await until(() => bob.status().position === 1 && bob.status().pending === 0, "Bob's tag is recorded");
  unwrap(ada.api.setPaused(false));
  await until(() => ada.status().position === 2 && ada.status().pending === 0, "Ada's tag is recorded");

  expect(await ada.api.undo(false)).toMatchObject({ ok: false, error: { details: byBob } });
  expect(tagsOf(ada)).toEqual(["urgent", "red"]);
  expect(unwrap(await ada.api.undo(true))).not.toBeNull();
  await until(() => JSON.stringify(tagsOf(bob)) === "[]", "Bob gets what Ada chose");
});

test("undo: leaves another person's event that came while the commit waits", async () => {
  const { ada, bob, server } = await tabs();
  await ada.execute(add("red", "urgent"), null);
  await bob.execute(add("urgent"), null);
  await server.sync(bob);
  await server.pull(ada);

  await expect(undo(ada)).rejects.toMatchObject({ details: byBob });
  expect(ada.pendingCount).toBe(1);
});

test("undo: leaves another person's event if this tab has not read all records yet", async () => {
  const { ada, other, bob, server } = await tabs();
  await ada.execute(add("red"), null);
  await bob.execute(add("urgent"), null);
  await server.sync(bob);
  await server.pull(ada);
  await other.refresh();
  await server.sync(ada);

  await expect(undo(other)).rejects.toMatchObject({ details: byBob });
});

test("undo: takes back a commit once, although this tab has not read yet that it settled", async () => {
  const { ada, other, server } = await tabs();
  await ada.execute(add("red"), null);
  await ada.execute(add("blue"), null);
  await other.refresh();
  await server.sync(ada);

  await undo(other);
  await undo(other);
  expect(other.replica.stream("card/c1").state).toEqual([]);
});

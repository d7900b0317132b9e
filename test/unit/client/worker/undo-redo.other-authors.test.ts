// Undo and redo where other authors wrote since. The commands have no policy of their own: the default is `rebase`.
import * as v from "valibot";
import { afterEach, expect, test } from "vitest";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import { aggregate, defineDomain, projection } from "../../../../src/index.ts";
import { device, type Tab, until } from "../../../support/device.ts";
import { readBase } from "../../../support/read-base.ts";
import { startServer } from "../../../support/server.ts";

const note = aggregate("note", {
  version: 1,
  initial: "",
  events: { TextSet: v.object({ text: v.string() }) },
  evolve: { TextSet: (_, { data }) => data.text },
  commands: {
    set: {
      input: v.object({ text: v.string() }),
      decide: (_, input, { emit }) => emit("TextSet", input),
      undo: ({ before, command }) => command.set({ text: before }),
    },
  },
});
const texts = projection("texts", {
  version: 1,
  from: [note],
  initial: "",
  on: { TextSet: (_, { data }) => data.text },
});
const domain = defineDomain({ version: 1, aggregates: [note], projections: [texts] });

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end().catch(() => {});
});

const text = (tab: Tab, id = "n1") => tab.rows("texts").get(`note/${id}`)?.row;
const set = async (tab: Tab, value: string, id = "n1") =>
  unwrap(await tab.execute([note.command.set(id, { text: value })]));
const isSettled = (tab: Tab) => tab.status().pending === 0 && tab.status().connection === "live";

async function adaAndBob(): Promise<{ readonly ada: Tab; readonly bob: Tab }> {
  const server = await startServer({ domain });
  const ada = await device(domain, "team", "ada").open({ url: server.url });
  const bob = await device(domain, "team", "bob").open({ url: server.url });
  ends.push(server.close, ada.close, bob.close);
  return { ada, bob };
}

async function saysConflict(call: Promise<{ readonly ok: boolean }>, actor: string, value: string): Promise<void> {
  expect(await call).toMatchObject({
    ok: false,
    error: { code: "rejected", details: { code: "conflict", theirs: [{ actor, data: { text: value } }] } },
  });
}

test("undo: leaves another person's newer text, until the app overwrites it", async () => {
  const { ada, bob } = await adaAndBob();
  await set(ada, "one");
  await set(ada, "two");
  await until(() => text(bob) === "two", "Bob has Ada's text");
  await set(bob, "by Bob");
  await until(() => text(ada) === "by Bob", "Ada has Bob's text");

  await saysConflict(ada.api.undo(false), "bob", "by Bob");
  expect([text(ada), ada.status().pending]).toEqual(["by Bob", 0]);

  expect(unwrap(await ada.api.undo(true))).not.toBeNull();
  await until(() => text(bob) === "one", "Bob gets what Ada chose");
});

test("undo: takes back own work although another person wrote before it", async () => {
  const { ada, bob } = await adaAndBob();
  await set(bob, "by Bob");
  await until(() => text(ada) === "by Bob", "Ada has Bob's text");
  await set(ada, "by Ada");
  await set(bob, "elsewhere", "n2");
  await until(() => isSettled(ada) && text(ada, "n2") === "elsewhere", "Ada has all");

  expect(unwrap(await ada.api.undo(false))).not.toBeNull();
  await until(() => text(bob) === "by Bob", "Bob has his text again");
});

test("redo: leaves another person's newer text, until the app overwrites it", async () => {
  const { ada, bob } = await adaAndBob();
  await set(ada, "one");
  unwrap(await ada.api.undo(false));
  await until(() => isSettled(ada) && text(bob) === "", "the undo is everywhere");
  await set(bob, "by Bob");
  await until(() => text(ada) === "by Bob", "Ada has Bob's text");

  await saysConflict(ada.api.redo(false), "bob", "by Bob");
  expect(unwrap(await ada.api.redo(true))).not.toBeNull();
  await until(() => text(bob) === "one", "Bob gets what Ada chose");
});

test("undo: the server rejects it if another person wrote first, unknown to this device", async () => {
  const { ada, bob } = await adaAndBob();
  await set(ada, "one");
  await until(() => text(bob) === "one" && isSettled(ada), "Bob has Ada's text");
  unwrap(ada.api.setPaused(true));
  const undone = unwrap(await ada.api.undo(false));
  await set(bob, "by Bob");
  await until(() => isSettled(bob), "Bob's text is recorded");
  unwrap(ada.api.setPaused(false));

  await until(() => ada.update().rejections?.length === 1, "Ada's undo is rejected");
  expect(ada.update().rejections).toMatchObject([
    { commit: undone?.commit, code: "conflict", theirs: [{ actor: "bob" }] },
  ]);
  expect([text(ada), text(bob)]).toEqual(["by Bob", "by Bob"]);
});

test("undo: a commit that met another person's events on its way is not taken back over them", async () => {
  const { ada, bob } = await adaAndBob();
  await set(ada, "one");
  await until(() => text(bob) === "one" && isSettled(ada), "Bob has Ada's text");
  unwrap(ada.api.setPaused(true));
  await set(ada, "offline");
  await set(bob, "by Bob");
  await until(() => isSettled(bob), "Bob's text is recorded");
  unwrap(ada.api.setPaused(false));
  await until(() => text(bob) === "offline" && isSettled(ada), "Ada's text comes last");

  await saysConflict(ada.api.undo(false), "bob", "by Bob");
  expect(text(bob)).toBe("offline");
});

/** Ada's new device has work from before it joined, and its log begins at a base that contains Bob's text. */
async function adaBehindBob(): Promise<{ readonly ada: Tab; readonly bob: Tab }> {
  const server = await startServer({ domain, base: { everyEvents: 10 }, limits: { pageEventsMax: 5 } });
  const bob = await device(domain, "team", "bob").open({ url: server.url });
  ends.push(server.close, bob.close);
  await set(bob, "by Bob");
  for (let n = 0; n < 20; n++) await set(bob, "x", `filler${n}`);
  await until(() => isSettled(bob), "Bob's work is recorded");
  const request = (path: string) =>
    fetch(`${server.url}/logs/team/${path}`, { headers: { authorization: "Bearer ada" } });
  await until(async () => (await readBase({ request })) !== null, "a base");

  const adas = device(domain, "team", "ada");
  const ada = await adas.open({ url: server.url, paused: true });
  ends.push(ada.close);
  await set(ada, "by Ada");
  await set(ada, "new", "n2");
  unwrap(ada.api.setPaused(false));
  await until(() => isSettled(ada) && text(bob, "n2") === "new", "Ada's work is recorded");
  expect((await memoryLogStore(adas.database).refresh({ position: 0, pendingTail: 0 })).base).not.toBeNull();
  return { ada, bob };
}

const beforeBase = {
  ok: false,
  error: { code: "rejected", details: { code: "before-base", stream: "note/n1" } },
};

test("undo: refuses where a base has what other authors did, until the app overwrites it", async () => {
  const { ada, bob } = await adaBehindBob();
  // Nobody else wrote to this note, so the base takes nothing away.
  expect(unwrap(await ada.api.undo(false))).not.toBeNull();
  await until(() => isSettled(ada) && text(bob, "n2") === "", "the note is as it was");

  expect(await ada.api.undo(false)).toMatchObject(beforeBase);
  expect([text(ada), ada.status().pending]).toEqual(["by Ada", 0]);

  expect(unwrap(await ada.api.undo(true))).not.toBeNull();
  await until(() => text(bob) === "", "Bob gets what Ada chose");
});

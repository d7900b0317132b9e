// The wire, as a device writes and reads it. Rules P15, P16 and P19 of docs/protocol.md.
import * as v from "valibot";
import { afterEach, expect, test } from "vitest";
import { aggregate, defineDomain, projection } from "../../../../src/index.ts";
import type { Commit } from "../../../../src/core/history/commit.ts";
import type { Outcome } from "../../../../src/core/wire/messages.ts";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import type { Transport } from "../../../../src/client/sync/transport.ts";
import { UnreachableError } from "../../../../src/client/sync/unreachable-error.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { device, type Tab, until } from "../../../support/device.ts";
import { startServer } from "../../../support/server.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const add = (id: string) => task.command.add(id, { title: id, column: "todo" });
const execute = async (tab: Tab, ...commands: Parameters<Tab["execute"]>[0][number][]) =>
  unwrap(await tab.execute(commands, null, null)).commit;

test("P16 push: oldest first from the first unsettled commit, never rewritten, whatever is lost", async () => {
  const { url, close } = await startServer();
  ends.push(close);
  const pushes: (readonly Commit[])[] = [];
  const tap = (inner: Transport): Transport => ({
    ...inner,
    push: async (after, version, commits) => {
      pushes.push(commits);
      const fate = pushes.length % 3;
      if (fate === 1) throw new UnreachableError("The request was lost", null);
      const fetched = await inner.push(after, version, commits);
      if (fate === 2) throw new UnreachableError("The answer was lost", null);
      return fetched;
    },
  });
  const ada = await device(domain, "team", "ada").open({ url, transport: tap });
  ends.push(ada.close);
  const order: string[] = [];
  for (let n = 0; n < 15; n++) {
    order.push(await execute(ada, add(`t${n}`)));
    // Some commits are made while a push is under way.
    if (n % 5 === 4) await until(() => ada.status().pending === 0, "all ended");
    else await new Promise((resolve) => setTimeout(resolve, n % 3 === 0 ? 20 : 0));
  }
  const texts = new Map<string, string>();
  let [from, to] = [0, 0];
  for (const commits of pushes) {
    const start = order.indexOf(commits[0]?.id ?? "");
    expect(start).toBeGreaterThanOrEqual(from);
    expect(start).toBeLessThanOrEqual(to);
    [from, to] = [start, start + commits.length];
    expect(commits.map(({ id }) => id)).toEqual(order.slice(from, to));
    for (const commit of commits) {
      const written = JSON.stringify(commit);
      expect(texts.get(commit.id) ?? written).toBe(written);
      texts.set(commit.id, written);
    }
  }
  expect(to).toBe(order.length);
  expect(pushes.length).toBeGreaterThan(3);
});

test("P15 confirm: a commit that the server recorded is pending until its record arrives", async () => {
  const { url, close } = await startServer({ limits: { pageEventsMax: 1 } });
  ends.push(close);
  const bob = await device(domain, "team", "bob").open({ url });
  ends.push(bob.close);
  for (let n = 0; n < 5; n++) await execute(bob, add(`b${n}`));
  await until(() => bob.status().pending === 0 && bob.status().position === 5, "bob's work is there");

  // The first answer has one record of six. Hold the others, so that the test can read the state in between.
  const recorded: Outcome[] = [];
  let goOn = () => {};
  const held = new Promise<void>((resolve) => (goOn = resolve));
  const slow = (inner: Transport): Transport => ({
    ...inner,
    push: async (...facts) => {
      if (recorded.length > 0) await held;
      const fetched = await inner.push(...facts);
      if (fetched.kind === "answer") recorded.push(...fetched.answer.outcomes);
      return fetched;
    },
    pull: (...facts) => held.then(() => inner.pull(...facts)),
    live: () => ({ setPresence: () => {}, close: () => {} }),
  });
  const adas = device(domain, "team", "ada");
  const local = await adas.open({
    url,
    transport: (inner) => ({ ...slow(inner), push: () => Promise.reject(new UnreachableError("Not now", null)) }),
  });
  const commit = await execute(local, add("t1"));
  await local.close();
  const ada = await adas.open({ url, transport: slow });
  ends.push(ada.close);
  await until(() => ada.status().position === 1, "the first record is here");
  expect(recorded).toMatchObject([{ id: commit, outcome: "recorded", at: { position: 6 } }]);
  expect(ada.status()).toMatchObject({ pending: 1, position: 1 });
  expect(ada.rows(board.name).get("task/t1")).toMatchObject({ pending: true });
  goOn();
  expect(unwrap(await ada.api.settled(commit)).settled).toMatchObject({ outcome: "accepted", position: 6 });
  expect(ada.rows(board.name).get("task/t1")).toMatchObject({ pending: false });
});

const text = v.object({ text: v.string() });
const tag = v.object({ tag: v.string() });
type Note = { readonly text: string; readonly tag: string };

/** A notebook, and its next release with tags. */
const notes = aggregate("note", {
  version: 1,
  initial: null as Note | null,
  events: { NoteWritten: text },
  evolve: { NoteWritten: (_, { data }) => ({ ...data, tag: "" }) },
  commands: { write: { input: text, decide: (_, given, { emit }) => emit("NoteWritten", given) } },
});
const taggedNotes = aggregate("note", {
  version: 2,
  initial: null as Note | null,
  events: { NoteWritten: text, NoteTagged: tag },
  evolve: {
    NoteWritten: (_, { data }) => ({ ...data, tag: "" }),
    NoteTagged: (state, { data }) => state && { ...state, ...data },
  },
  commands: {
    write: { input: text, decide: (_, given, { emit }) => emit("NoteWritten", given) },
    tag: { input: tag, decide: (_, given, { emit }) => emit("NoteTagged", given) },
  },
});
const release1 = defineDomain({
  version: 1,
  aggregates: [notes],
  projections: [
    projection("notes", {
      version: 1,
      from: [notes],
      initial: null as Note | null,
      on: { NoteWritten: (_, { data }) => ({ ...data, tag: "" }) },
    }),
  ],
});
const release2 = defineDomain({
  version: 2,
  aggregates: [taggedNotes],
  projections: [
    projection("notes", {
      version: 2,
      from: [taggedNotes],
      initial: null as Note | null,
      on: {
        NoteWritten: (_, { data }) => ({ ...data, tag: "" }),
        NoteTagged: (row, { data }) => row && { ...row, ...data },
      },
    }),
  ],
});

test("P19 fold: an event of a newer release is parked, and folded once the code knows it", async () => {
  const { url, close } = await startServer({ domain: release2 });
  ends.push(close);
  const ada = await device(release2, "team", "ada").open({ url });
  ends.push(ada.close);
  const bobs = device(release1, "team", "bob");
  const bob = await bobs.open({ url });
  await execute(ada, taggedNotes.command.write("n1", { text: "Milk" }));
  await execute(ada, taggedNotes.command.tag("n1", { tag: "shop" }));
  await until(() => bob.status().position === 2, "bob has both");
  expect(bob.rows("notes").get("note/n1")?.row).toEqual({ text: "Milk", tag: "" });
  await until(() => bob.status().parked.count > 0, "bob sees that the event is parked");
  expect(JSON.stringify(bob.status().parked)).toContain("NoteTagged");
  await bob.close();
  // Without a server, because the event is on the device.
  const again = await bobs.open({ release: release2 });
  ends.push(again.close);
  await until(() => again.rows("notes").has("note/n1"), "the row is there");
  expect(again.rows("notes").get("note/n1")?.row).toEqual({ text: "Milk", tag: "shop" });
  expect(again.status().parked.count).toBe(0);
});

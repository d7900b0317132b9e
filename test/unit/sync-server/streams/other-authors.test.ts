// Events of other authors: how much of them the server reads and keeps for a commit that has seen none of them.
import * as v from "valibot";
import { expect, test } from "vitest";
import { aggregate, defineDomain } from "dacapo";
import type { DomainEvent } from "../../../../src/core/domain/event.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { person, testServer } from "../../../support/sync-requests.ts";

const MIB = 1024 * 1024;
const STREAMS = ["a", "b", "c"];
/** Events of Bob on each stream. */
const EVENTS = 30;
const TEXT = "x".repeat(200_000);

/** The events that the merge functions of one push received. */
let received: DomainEvent[] = [];

const input = v.object({ text: v.string() });
const page = aggregate("page", {
  version: 1,
  initial: { latest: "", edits: 0 },
  events: { Edited: v.object({ text: v.string() }) },
  evolve: { Edited: ({ edits }, { data }) => ({ latest: data.text.slice(0, 20), edits: edits + 1 }) },
  commands: {
    edit: {
      input,
      decide: ({ edits }, given, { emit, reject }) =>
        given.text === "first" && edits > 0 ? reject("not-first") : emit("Edited", given),
    },
    merge: {
      input,
      decide: (_, given, { emit }) => emit("Edited", given),
      onConflict: ({ theirs, emit }) => {
        received.push(...theirs);
        return emit("Edited", { text: `after ${theirs.at(-1)?.version}` });
      },
    },
    claim: { input, decide: (_, given, { emit }) => emit("Edited", given), onConflict: "reject" },
  },
});
const domain = defineDomain({ version: 1, aggregates: [page] });

/** A server with large events of Bob on each stream, and the characters of the records that it has read since. */
async function serverOfBob() {
  const store = memory();
  const server = testServer({ store, domain });
  const { execute } = server.log("board");
  for (let n = 0; n < EVENTS; n++)
    for (const stream of STREAMS) await execute(page.command.edit(stream, { text: TEXT }), { actor: "bob" });
  const read = { length: 0 };
  const readStream = store.readStream.bind(store);
  store.readStream = async (...call) => {
    const records = await readStream(...call);
    for (const { text } of records) read.length += text.length;
    return records;
  };
  const states = () => Promise.all(STREAMS.map(async (stream) => (await server.log("board").load(page, stream)).state));
  return { server, ada: person(server, "ada"), read, states };
}

test("reconcile: a commit that rebases reads no event of other authors, whatever it has seen", async () => {
  const { server, ada, read, states } = await serverOfBob();
  const edits = ada.commit(...STREAMS.map((stream) => page.command.edit(stream, { text: "Ada's" })));
  expect(await ada.outcomes(edits)).toMatchObject([{ outcome: "recorded" }]);
  expect(read.length).toBe(0);
  expect(await states()).toEqual(STREAMS.map(() => ({ latest: "Ada's", edits: EVENTS + 1 })));
  await server.close();
});

test("reconcile: a rejection of a commit that rebases reads and names only the latest events", async () => {
  const { server, ada, read } = await serverOfBob();
  await server.log("board").execute(page.command.edit("a", { text: "short" }), { actor: "bob" });
  // Ada's own later events hide none of Bob's.
  await ada.push([ada.commit(...Array.from({ length: 30 }, () => page.command.edit("a", { text: "Ada's" })))]);
  read.length = 0;
  const named = ["b", "c"].map((stream) => ({ stream: `page/${stream}`, seen: 0 }));
  const first = ada.commit({ ...page.command.edit("a", { text: "first" }), reads: named });
  const [outcome] = await ada.outcomes(first);
  expect(outcome).toMatchObject({ code: "not-first", theirs: [{ version: EVENTS + 1, data: { text: "short" } }] });
  expect(read.length).toBeLessThan(5 * MIB);
  await server.close();
});

test("reconcile: merge functions of one commit get the latest events, of some megabytes in all", async () => {
  const { server, ada, states } = await serverOfBob();
  received = [];
  const merges = ada.commit(...STREAMS.map((stream) => page.command.merge(stream, { text: "mine" })));
  expect(await ada.outcomes(merges)).toMatchObject([{ outcome: "recorded" }]);
  expect(await states()).toEqual(STREAMS.map(() => ({ latest: `after ${EVENTS}`, edits: EVENTS + 1 })));
  expect(received.reduce((sum, { data }) => sum + JSON.stringify(data).length, 0)).toBeLessThanOrEqual(4 * MIB);
  for (const stream of STREAMS) {
    const versions = received.filter((event) => event.stream === `page/${stream}`).map(({ version }) => version);
    expect(versions.length).toBeGreaterThan(1);
    expect(versions).toEqual(Array.from(versions, (_, n) => EVENTS + 1 - versions.length + n));
  }
  await server.close();
});

test("reconcile: the latest event of each stream is a conflict, however large the others are", async () => {
  const { server, ada } = await serverOfBob();
  const reads = Array.from({ length: 15 }, (_, n) => ({ stream: `page/${STREAMS[n % 3]}`, seen: n % 3 }));
  const claims = ada.commit({ ...page.command.claim("mine", { text: "" }), reads });
  expect(await ada.outcomes(claims)).toMatchObject([{ outcome: "rejected", code: "conflict" }]);
  const behind = STREAMS.map((stream) => ({ stream: `page/${stream}`, seen: EVENTS - 1 }));
  const later = ada.commit({ ...page.command.claim("mine", { text: "" }), reads: behind });
  expect(await ada.outcomes(later)).toMatchObject([{ outcome: "rejected", code: "conflict" }]);
  const seen = STREAMS.map((stream) => ({ stream: `page/${stream}`, seen: EVENTS }));
  const last = ada.commit({ ...page.command.claim("mine", { text: "" }), reads: seen });
  expect(await ada.outcomes(last)).toMatchObject([{ outcome: "recorded" }]);
  await server.close();
});

test("P7 push: a large event counts as several reads, so a push is answered in part", async () => {
  const { server, ada, read } = await serverOfBob();
  const claims = Array.from({ length: 40 }, () => ada.commit(page.command.claim("a", { text: "" })));
  const outcomes = await ada.outcomes(...claims);
  expect(new Set(outcomes.map((one) => one.outcome === "rejected" && one.code))).toEqual(new Set(["conflict"]));
  expect(outcomes.length).toBeLessThan(claims.length);
  expect(read.length).toBeLessThan(120 * MIB);
  await server.close();
});

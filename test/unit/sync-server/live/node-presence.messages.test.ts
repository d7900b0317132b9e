// The messages of presence between nodes: their time, their size, and the answers to requests.
import { expect, test } from "vitest";
import { byteLength } from "../../../../src/sync-server/base/limits.ts";
import type { NodeEntry, NodeMessage } from "../../../../src/sync-server/live/node-message.ts";
import { readNodeMessage } from "../../../../src/sync-server/live/node-message.ts";
import { NodePresence, type PresenceRoom } from "../../../../src/sync-server/live/node-presence.ts";
import { PRESENCE_MESSAGE_BYTES_MAX, type PresenceMessage } from "../../../../src/sync-server/stores/between-nodes.ts";
import type { Json } from "../../../../src/core/values/json.ts";
import type { Presence } from "../../../../src/core/wire/messages.ts";
import { fakeClock } from "../../../support/live-scene.ts";

const entry = (n: number | string, data: Json = 1): Presence => ({ client: `client-${n}`, actor: "ada", data });

/** A node with rooms that show some entries of their own. */
function node(own: { readonly [log: string]: readonly Presence[] }) {
  const { clock, env } = fakeClock();
  const sent: (NodeMessage & { readonly log: string; readonly bytes: number })[] = [];
  const received: (readonly [node: string, message: NodeMessage])[] = [];
  let listener: ((message: PresenceMessage) => void) | null = null;
  let [expired, isListening] = [0, false];
  const rooms = new Map(
    Object.entries(own).map(([log, entries]): [string, PresenceRoom] => [
      log,
      {
        ownPresence: () => entries,
        receiveFromNode: (name, message) => received.push([name, message]),
        expirePresence: () => void expired++,
      },
    ]),
  );
  const presence = new NodePresence(
    {
      send: (log, message) =>
        sent.push({ log, ...readNodeMessage(message), bytes: byteLength(JSON.stringify(message)) }),
      listen: (onMessage) => {
        [listener, isListening] = [onMessage, true];
        return () => (isListening = false);
      },
    },
    env,
    rooms,
  );
  return {
    presence,
    clock,
    received,
    receive: (log: string, message: Json) => listener?.({ node: "other", log, message }),
    expired: () => expired,
    isListening: () => isListening,
    /** The messages since the last call. */
    sent: () => sent.splice(0),
  };
}
const plain = (messages: readonly (NodeMessage & { readonly log: string })[]) =>
  messages.map(({ log, entries, asks, ends }) => ({ log, entries, asks, ends }));

test("NodePresence: changes of a device within 100 ms go out as one, and later ones after that", async () => {
  const { presence, clock, sent } = node({ board: [] });
  for (const data of [1, 2, 3]) presence.send("board", entry("a", data));
  presence.send("board", entry("b"));
  await clock.advance(99);
  expect(sent()).toEqual([]);
  await clock.advance(1);
  expect(plain(sent())).toEqual([{ log: "board", entries: [entry("a", 3), entry("b")], asks: false, ends: false }]);
  presence.send("board", entry("a", 4));
  await clock.advance(100);
  expect(sent()).toMatchObject([{ entries: [{ data: 4 }] }]);
  await clock.advance(60_000);
  expect([sent(), clock.timers()]).toEqual([[], []]);
});

test("NodePresence: a device that hides stays hidden, though its socket ends in the same moment", async () => {
  const { presence, clock, sent } = node({ board: [] });
  const gone: NodeEntry = { client: "client-a", actor: "ada" };
  presence.send("board", entry("a", null));
  presence.send("board", gone);
  presence.send("board", entry("b", 1));
  presence.send("board", { ...gone, client: "client-b" });
  presence.send("board", { ...gone, client: "client-c" });
  presence.send("board", entry("c", 1));
  presence.send("board", entry("d", null));
  presence.send("board", entry("d", 2));
  await clock.advance(100);
  expect(sent()[0]?.entries).toStrictEqual([
    entry("a", null),
    { client: "client-b", actor: "ada" },
    entry("c", 1),
    entry("d", 2),
  ]);
});

test("NodePresence: requests the entries of one log or of all logs with sockets, once a message", async () => {
  const { presence, clock, sent } = node({ board: [], plans: [] });
  presence.requestEntries("other");
  await clock.advance(100);
  expect(plain(sent())).toEqual([{ log: "other", entries: [], asks: true, ends: false }]);
  presence.recover();
  presence.requestEntries("board");
  presence.send("plans", entry("a"));
  await clock.advance(100);
  expect(plain(sent())).toEqual([
    { log: "board", entries: [], asks: true, ends: false },
    { log: "plans", entries: [entry("a")], asks: true, ends: false },
  ]);
});

test("NodePresence: an answer to a request has all own entries of the log, and of no other", async () => {
  const { receive, received, clock, sent } = node({ board: [entry("a"), entry("b")], plans: [entry("c")] });
  receive("board", { entries: [["x", "bob", 5]], asks: true });
  receive("unknown", { entries: [], asks: true });
  expect(received).toEqual([["other", { entries: [{ client: "x", actor: "bob", data: 5 }], asks: true, ends: false }]]);
  await clock.advance(100);
  expect(plain(sent())).toEqual([{ log: "board", entries: [entry("a"), entry("b")], asks: false, ends: false }]);
  receive("board", { entries: [] });
  await clock.advance(100);
  expect(sent()).toEqual([]);
});

test("NodePresence: repeats its entries every 10 seconds, also if the clock was set back", async () => {
  const { presence, clock, sent, expired } = node({ board: [entry("a")], plans: [] });
  const tickAfter = async (ms: number) => {
    clock.now += ms;
    presence.tick();
    await clock.advance(100);
    return sent().flatMap(({ entries }) => entries);
  };
  expect(await tickAfter(9_999)).toEqual([]);
  expect(await tickAfter(0)).toEqual([entry("a")]);
  expect(await tickAfter(9_799)).toEqual([]);
  expect(await tickAfter(1)).toEqual([entry("a")]);
  expect(await tickAfter(-3_600_000)).toEqual([entry("a")]);
  expect(await tickAfter(0)).toEqual([]);
  // Each tick removes what other nodes did not repeat, in both rooms.
  expect(expired()).toBe(12);
});

test("NodePresence: a node that ends says so in each log with its devices, and then is silent", async () => {
  const { presence, clock, sent, isListening } = node({ board: [entry("a")], plans: [] });
  presence.send("board", entry("a", 2));
  expect(isListening()).toBe(true);
  presence.end();
  expect(plain(sent())).toEqual([{ log: "board", entries: [], asks: false, ends: true }]);
  presence.send("board", entry("a", 3));
  await clock.advance(10_000);
  expect([sent(), isListening(), clock.timers()]).toEqual([[], false, []]);
});

test("NodePresence: messages fit, and about 24,000 bytes go out in 100 ms while the rest waits", async () => {
  const { presence, clock, sent } = node({ board: [] });
  const entries = Array.from({ length: 100 }, (_, n) => entry(n, "日本語".repeat(100)));
  for (const one of entries) presence.send("board", one);
  presence.send("plans", entry("p"));
  const got: NodeEntry[] = [];
  let rounds = 0;
  while (clock.timers().length > 0 && rounds < 50) {
    await clock.advance(100);
    rounds++;
    const messages = sent();
    const bytes = messages.reduce((sum, message) => sum + message.bytes, 0);
    expect(messages.every((message) => message.bytes <= PRESENCE_MESSAGE_BYTES_MAX)).toBe(true);
    expect(bytes).toBeLessThan(24_000 + PRESENCE_MESSAGE_BYTES_MAX);
    if (clock.timers().length > 0) expect(bytes).toBeGreaterThan(18_000);
    got.push(...messages.flatMap((message) => message.entries));
  }
  expect(got).toEqual([...entries, entry("p")]);
  expect(rounds).toBe(4);
});

/** An entry whose JSON in a message takes so many bytes. */
function sized(name: string, bytes: number): Presence {
  const around = JSON.stringify([`client-${name}`, "ada", ""]).length + 1;
  return entry(name, "x".repeat(bytes - around));
}

test("NodePresence: exactly 24,000 bytes go out at once, and no change sets a second timer", async () => {
  const { presence, clock, sent } = node({ board: [] });
  // With its 50 bytes around the entry and the 5 of the log's name, each message counts 6,000 bytes.
  for (let n = 0; n < 5; n++) presence.send("board", sized(`${n}`, 5_945));
  await clock.advance(100);
  expect(sent().flatMap(({ entries }) => entries.map(({ client }) => client))).toEqual(
    [0, 1, 2, 3].map((n) => `client-${n}`),
  );
  presence.send("board", entry("late"));
  expect(clock.timers()).toEqual([100]);
  await clock.advance(100);
  expect(sent().flatMap(({ entries }) => entries.map(({ client }) => client))).toEqual(["client-4", "client-late"]);
});

test("NodePresence: an entry may fill a message, and one that no message can hold is left out", async () => {
  const { presence, clock, sent } = node({ board: [] });
  const room = PRESENCE_MESSAGE_BYTES_MAX - 50;
  const [full, over, half] = [sized("full", room), sized("over", room + 1), sized("half", room / 2)];
  for (const one of [half, sized("other half", room / 2), over, full, entry("small")]) presence.send("board", one);
  await clock.advance(100);
  expect(sent().map((message) => message.entries.map(({ client }) => client))).toEqual([
    ["client-half", "client-other half"],
    ["client-full"],
    ["client-small"],
  ]);
  presence.send("board", over);
  await clock.advance(1_000);
  expect([sent(), clock.timers()]).toEqual([[], []]);
});

// Presence between nodes with fake sockets, a fake clock and a bus of messages that can lose, hold and end them.
import { beforeEach, expect, test } from "vitest";
import { createLiveHub, type LiveHub } from "../../../../src/sync-server/live/hub.ts";
import type { LiveConnection } from "../../../../src/sync-server/live/server-socket.ts";
import { byteLength, SERVER_LIMITS } from "../../../../src/sync-server/base/limits.ts";
import {
  PRESENCE_MESSAGE_BYTES_MAX,
  type PresenceMessage,
  type StorePresence,
} from "../../../../src/sync-server/stores/between-nodes.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import type { Json } from "../../../../src/core/values/json.ts";
import type { ServerFrame } from "../../../../src/core/wire/messages.ts";
import { parseOwnJson } from "../../../support/own-json.ts";

type Node = { readonly name: string; readonly hub: LiveHub };
type Person = { readonly connection: LiveConnection; readonly sees: () => Record<string, Json> };

let now: number;
let timers: { at: number; owner: string; run: () => void }[];
let listeners: Map<string, (message: PresenceMessage) => void>;
let sent: PresenceMessage[];
let loses: (message: PresenceMessage) => boolean;

beforeEach(() => {
  [now, timers, sent] = [1_000_000, [], []];
  listeners = new Map<string, (message: PresenceMessage) => void>();
  loses = () => false;
});

function node(name: string): Node {
  const presence: StorePresence = {
    send: (log, message) => {
      const received = { node: name, log, message };
      sent.push(received);
      if (loses(received)) return;
      for (const [other, listener] of listeners) if (other !== name) listener(received);
    },
    listen: (onMessage) => {
      listeners.set(name, onMessage);
      return () => listeners.delete(name);
    },
  };
  const hub = createLiveHub({
    store: Object.assign(memory(), { presence }),
    ticks: true,
    limits: { ...SERVER_LIMITS, socketsPerActorMax: 2_000 },
    env: {
      now: () => now,
      randomBytes: (count) => new Uint8Array(count),
      setTimer: (run, ms) => (timers.push({ at: now + ms, owner: name, run }), () => {}),
      nextTurn: () => Promise.resolve(),
    },
    checkReader: () => Promise.resolve(),
    tokenReader: () => Promise.resolve({ actor: "ada" }),
    report: (error) => {
      throw error;
    },
  });
  return { name, hub };
}

/** Ends the process of a node without a word, as a power cut does. */
function kill({ name }: Node): void {
  listeners.delete(name);
  timers = timers.filter(({ owner }) => owner !== name);
}

function join({ hub }: Node, actor = "ada", log = "board"): Person {
  const shown = new Map<string, Json>();
  const connection = hub.join(
    {
      bufferedBytes: 0,
      send(text) {
        const frame = parseOwnJson<ServerFrame>(text);
        if (frame.type !== "presence") return;
        for (const client of frame.gone) for (const key of shown.keys()) if (key.startsWith(client)) shown.delete(key);
        for (const { client, actor: shownActor, data } of frame.set) shown.set(`${client} ${shownActor}`, data);
      },
      close: () => {},
      terminate: () => {},
      save: () => {},
    },
    { log, cursor: null, principal: { actor }, presence: null },
  );
  return { connection, sees: () => Object.fromEntries(shown) };
}

const show = ({ connection }: Person, client: string, data: Json) =>
  connection.receive(JSON.stringify({ type: "presence", client, data }));

async function advance(ms: number, step = 100): Promise<void> {
  for (const end = now + ms; now < end;) {
    now = Math.min(end, now + step);
    const due = timers.filter(({ at }) => at <= now);
    timers = timers.filter(({ at }) => at > now);
    for (const { run } of due) run();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Keeps the sockets of people from being silent. */
async function advanceWithPings(ms: number, people: readonly Person[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 20_000) {
    people.forEach(({ connection }) => connection.receive('{"type":"ping"}'));
    await advance(Math.min(20_000, ms - passed), 500);
  }
}

const phone = crypto.randomUUID();
const laptop = crypto.randomUUID();

test("presence: people of another node are seen, change, hide and leave", async () => {
  const [one, other] = [node("one"), node("other")];
  const [ada, bob] = [join(one), join(other, "bob")];
  show(ada, phone, "here");
  await advance(400);
  expect(bob.sees()).toEqual({ [`${phone} ada`]: "here" });
  show(ada, phone, "there");
  await advance(400);
  expect(bob.sees()).toEqual({ [`${phone} ada`]: "there" });
  show(ada, phone, null);
  await advance(400);
  expect(bob.sees()).toEqual({});
  show(ada, phone, "again");
  await advance(400);
  expect(bob.sees()).toEqual({ [`${phone} ada`]: "again" });
  ada.connection.closed();
  await advance(400);
  expect(bob.sees()).toEqual({});
});

test("presence: a person who joins later sees at once who is on the other nodes", async () => {
  const [one, other] = [node("one"), node("other")];
  const ada = join(one);
  show(ada, phone, "here");
  await advance(400);
  const bob = join(other, "bob");
  await advance(400);
  expect(bob.sees()).toEqual({ [`${phone} ada`]: "here" });
  const cleo = join(other, "cleo");
  expect(cleo.sees()).toEqual({ [`${phone} ada`]: "here" });
});

test("presence: people stay as long as their node repeats them, and end with a dead node", async () => {
  const [one, other] = [node("one"), node("other")];
  const [ada, bob] = [join(one), join(other, "bob")];
  show(ada, phone, "here");
  await advanceWithPings(300_000, [ada, bob]);
  expect(bob.sees()).toEqual({ [`${phone} ada`]: "here" });
  kill(one);
  await advanceWithPings(32_000, [bob]);
  expect(bob.sees()).toEqual({});
});

test("presence: a clock that is set back keeps nobody of a dead node", async () => {
  const [one, other] = [node("one"), node("other")];
  const [ada, bob] = [join(one), join(other, "bob")];
  show(ada, phone, "here");
  await advance(400);
  kill(one);
  now -= 3_600_000;
  timers = timers.map((timer) => ({ ...timer, at: now + 500 }));
  await advanceWithPings(40_000, [bob]);
  expect(bob.sees()).toEqual({});
});

test("presence: a node that ends says so, and its people are gone at once", async () => {
  const [one, other] = [node("one"), node("other")];
  const [ada, bob] = [join(one), join(other, "bob")];
  show(ada, phone, "here");
  await advance(400);
  one.hub.end("restarting");
  show(ada, phone, "too late");
  await advance(400);
  expect(bob.sees()).toEqual({});
});

test("presence: a lost departure ends after half a minute, a lost entry comes after 10 seconds", async () => {
  const [one, other] = [node("one"), node("other")];
  const [ada, bob] = [join(one), join(other, "bob")];
  loses = () => true;
  show(ada, phone, "here");
  await advance(400);
  loses = () => false;
  await advance(12_000);
  expect(bob.sees()).toEqual({ [`${phone} ada`]: "here" });
  loses = () => true;
  ada.connection.closed();
  await advance(400);
  loses = () => false;
  expect(bob.sees()).toEqual({ [`${phone} ada`]: "here" });
  await advanceWithPings(32_000, [bob]);
  expect(bob.sees()).toEqual({});
});

test("presence: after messages were lost, a node requests the entries of the others", async () => {
  const [one, other] = [node("one"), node("other")];
  const [ada, bob] = [join(one), join(other, "bob")];
  await advance(400);
  loses = () => true;
  show(ada, phone, "here");
  await advance(400);
  loses = () => false;
  other.hub.poke(null);
  await advance(400);
  expect(bob.sees()).toEqual({ [`${phone} ada`]: "here" });
});

test("presence: after two nodes lost messages, people of both are seen again at once", async () => {
  const [one, other] = [node("one"), node("other")];
  const [ada, bob] = [join(one), join(other, "bob")];
  await advance(400);
  loses = () => true;
  show(ada, phone, "here");
  await advance(400);
  // The other node hears again and requests the entries, but the first node hears nothing yet.
  other.hub.poke(null);
  await advance(400);
  loses = () => false;
  one.hub.poke(null);
  await advance(400);
  expect(bob.sees()).toEqual({ [`${phone} ada`]: "here" });
});

test("presence: a device that moves to another node shows its newest entry, then only that", async () => {
  const [one, other, third] = [node("one"), node("other"), node("third")];
  const [before, after, bob] = [join(one), join(other), join(third, "bob")];
  show(before, phone, "old");
  await advance(400);
  show(after, phone, "new");
  await advanceWithPings(15_000, [before, after, bob]);
  for (const person of [before, after, bob]) expect(person.sees()).toEqual({ [`${phone} ada`]: "new" });
  before.connection.closed();
  await advance(400);
  expect(bob.sees()).toEqual({ [`${phone} ada`]: "new" });
  after.connection.closed();
  await advance(400);
  expect(bob.sees()).toEqual({});
});

test("presence: a device that hides is gone, although another node has its old socket", async () => {
  const [one, other] = [node("one"), node("other")];
  const [before, after, bob] = [join(one), join(other), join(one, "bob")];
  show(before, phone, "old");
  show(after, phone, "new");
  await advance(400);
  show(after, phone, null);
  await advanceWithPings(15_000, [before, after, bob]);
  expect(bob.sees()).toEqual({});
});

test("presence: logs of other names and two actors with one device id stay apart over nodes", async () => {
  const [one, other] = [node("one"), node("other")];
  const [ada, mallory, elsewhere, bob] = [
    join(one),
    join(other, "mallory"),
    join(one, "ada", "plans"),
    join(other, "bob"),
  ];
  show(ada, phone, "ada's");
  show(mallory, phone, "mallory's");
  show(elsewhere, laptop, "plans");
  await advance(400);
  expect(bob.sees()).toEqual({ [`${phone} ada`]: "ada's", [`${phone} mallory`]: "mallory's" });
  mallory.connection.closed();
  await advance(400);
  expect(bob.sees()).toEqual({ [`${phone} ada`]: "ada's" });
});

test("presence: a thousand people over two nodes cost bounded messages, and all are seen", async () => {
  const [one, other] = [node("one"), node("other")];
  const people = Array.from({ length: 999 }, () => ({ person: join(one), client: crypto.randomUUID() }));
  const bob = join(other, "bob");
  for (const { person, client } of people) show(person, client, "x".repeat(900));
  await advance(100);
  for (let second = 0; second < 6; second++) {
    const before = sent.length;
    for (const { person, client } of people.slice(0, 100)) show(person, client, `${second}`);
    await advance(1_000);
    const bytes = sent.slice(before).reduce((sum, { message }) => sum + byteLength(JSON.stringify(message)), 0);
    expect(bytes).toBeLessThan(320_000);
  }
  expect(Object.keys(bob.sees())).toHaveLength(999);
  expect(sent.every(({ message }) => byteLength(JSON.stringify(message)) <= PRESENCE_MESSAGE_BYTES_MAX)).toBe(true);
});

test("presence: an entry that no message can hold does not stop the others", async () => {
  const [one, other] = [node("one"), node("other")];
  const [ada, bob] = [join(one, "a".repeat(7_000)), join(other, "bob")];
  show(ada, phone, "here");
  const eve = join(one, "eve");
  show(eve, laptop, "here too");
  await advance(400);
  expect(bob.sees()).toEqual({ [`${laptop} eve`]: "here too" });
});

test("presence: messages that no release knows change nothing", async () => {
  const [one, other] = [node("one"), node("other")];
  join(one);
  const bob = join(other, "bob");
  const unknown: Json[] = [null, 1, [], {}, { entries: 1 }, { entries: [1, [], [phone], [phone, 1, 2]] }, { asks: 1 }];
  for (const message of unknown) listeners.get("other")?.({ node: "one", log: "board", message });
  await advance(400);
  expect(bob.sees()).toEqual({});
});

test("presence: without sockets no timer runs, and no message is sent", async () => {
  const [one, other] = [node("one"), node("other")];
  const [ada, bob] = [join(one), join(other, "bob")];
  show(ada, phone, "here");
  await advance(400);
  ada.connection.closed();
  bob.connection.closed();
  await advance(3_000);
  const before = sent.length;
  await advance(60_000, 1_000);
  expect([timers, sent.length - before]).toEqual([[], 0]);
});

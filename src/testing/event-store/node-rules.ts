/** S13 to S15: hints, presence and spent tickets between two nodes on one store, for a store that has them. */
import type { EventStore } from "../../sync-server/stores/event-store.ts";
import type { PresenceMessage } from "../../sync-server/stores/between-nodes.ts";
import { PRESENCE_MESSAGE_BYTES_MAX } from "../../sync-server/stores/between-nodes.ts";
import { requireEqual, requireThat } from "../require.ts";

type Nodes = readonly [EventStore, EventStore];
export type NodeRule = {
  readonly rule: string;
  readonly name: string;
  readonly check: (nodes: Nodes) => Promise<void>;
};

/** A real connection may need a moment before it hears the first message. */
const HEARS_MS_MAX = 20_000;
const STEP_MS = 20;

export const nodeRules: readonly NodeRule[] = [
  {
    rule: "S13",
    name: "hints: reach the other node, and never their sender",
    async check(nodes) {
      const [one, other] = membersOf(nodes, ({ hints }) => hints);
      const [own, heard]: [string[], string[]] = [[], []];
      const stops = [
        one.listen((log) => void own.push(log ?? "any")),
        other.listen((log) => void heard.push(log ?? "any")),
      ];
      await repeatUntil(
        () => one.send("first"),
        () => heard.includes("first"),
      );
      one.send("a.1");
      await until(() => heard.includes("a.1"), "the hint of a log");
      await repeatUntil(
        () => other.send("back"),
        () => own.includes("back"),
      );
      requireThat(!own.includes("first") && !own.includes("a.1"), "a node hears none of its own hints");
      stops.forEach((stop) => stop());
    },
  },
  {
    rule: "S14",
    name: "presence: messages of a node arrive unchanged, in order and once, and never at their sender",
    async check(nodes) {
      const [one, other] = membersOf(nodes, ({ presence }) => presence);
      const [own, heard]: [PresenceMessage[], PresenceMessage[]] = [[], []];
      const stops = [
        one.listen((message) => void own.push(message)),
        other.listen((message) => void heard.push(message)),
      ];
      await repeatUntil(
        () => one.send("log", "first"),
        () => heard.length > 0,
      );
      const sent = [
        ...Array.from({ length: 100 }, (_, n) => n),
        { text: "a\u0000 \ud83d\ude00 \"'\\ – 'quoted'", deep: [null, true, 1.5, { a: [] }] },
        "x".repeat(PRESENCE_MESSAGE_BYTES_MAX - 2),
        "ü".repeat(PRESENCE_MESSAGE_BYTES_MAX / 2 - 1),
      ];
      for (const message of sent) one.send("a.1", message);
      one.send("log", "last");
      await until(() => heard.some(({ message }) => message === "last"), "the last message");
      requireEqual(
        heard.filter(({ log }) => log === "a.1").map(({ message }) => message),
        sent,
        "the messages",
      );
      requireThat(new Set(heard.map(({ node }) => node)).size === 1, "one name of the sending node");
      await repeatUntil(
        () => other.send("log", "back"),
        () => own.length > 0,
      );
      requireThat(
        own.every(({ message, node }) => message === "back" && node !== heard[0]?.node),
        "a node hears none of its own messages",
      );
      stops.forEach((stop) => stop());
    },
  },
  {
    rule: "S14",
    name: "presence: a message over the limit is dropped, and the next one arrives",
    async check(nodes) {
      const [one, other] = membersOf(nodes, ({ presence }) => presence);
      const heard: PresenceMessage[] = [];
      const stop = other.listen((message) => void heard.push(message));
      await repeatUntil(
        () => one.send("log", "first"),
        () => heard.length > 0,
      );
      one.send("log", "x".repeat(20_000));
      one.send("log", "last");
      await until(() => heard.at(-1)?.message === "last", "the message after it");
      stop();
      requireThat(
        heard.every(({ message }) => message === "first" || message === "last"),
        "no part of it",
      );
    },
  },
  {
    rule: "S15",
    name: "tickets: a nonce is spent once, also when all nodes try at the same moment",
    async check(nodes) {
      const [one, other] = membersOf(nodes, ({ tickets }) => tickets);
      for (let n = 0; n < 20; n++) {
        const attempts = Array.from({ length: 6 }, (_, k) => (k % 2 ? one : other).spend(`nonce${n}`, 40_000, 10_000));
        const spent = await Promise.all(attempts);
        requireThat(spent.filter((isFirst) => isFirst).length === 1, `exactly one of six spends nonce${n}`);
      }
      for (const node of [one, other])
        requireThat((await node.spend("nonce0", 40_000, 39_999)) === false, "not a second time before its end");
    },
  },
  {
    rule: "S15",
    name: "tickets: other nonces that end, and are forgotten, bring back none",
    async check(nodes) {
      const [one, other] = membersOf(nodes, ({ tickets }) => tickets);
      await one.spend("kept", 100_000_000, 50_000_000);
      for (let n = 0; n < 30; n++) await one.spend(`old${n}`, 1_000, 500);
      for (let n = 0; n < 5; n++) await other.spend(`new${n}`, 100_000_000, 99_999_000);
      requireThat((await other.spend("kept", 100_000_000, 99_999_000)) === false, "a nonce that is kept");
    },
  },
];

/** Returns a member of both nodes. A store without it needs a deviation with the reason. */
function membersOf<Member>(nodes: Nodes, member: (store: EventStore) => Member | undefined): readonly [Member, Member] {
  const [one, other] = nodes.map(member);
  requireThat(one !== undefined && other !== undefined, "both nodes have the member of this rule");
  return [one, other];
}

async function until(isDone: () => boolean, what: string): Promise<void> {
  await repeatUntil(() => {}, isDone, what);
}

async function repeatUntil(act: () => void, isDone: () => boolean, what = "a first message"): Promise<void> {
  for (let waited = 0; !isDone(); waited += STEP_MS) {
    requireThat(waited < HEARS_MS_MAX, `${what} arrives`);
    act();
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
}

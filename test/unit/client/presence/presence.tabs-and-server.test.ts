// Presence over several tabs, with two actors under one client id, and with a server that sends anything.
import { afterEach, describe, expect, test } from "vitest";
import { defineDomain } from "../../../../src/index.ts";
import type { Env } from "../../../../src/client/env/env.ts";
import { nextOtherPresences } from "../../../../src/client/presence/other-presences.ts";
import { OwnPresence } from "../../../../src/client/presence/own-presence.ts";
import type { TabMessage } from "../../../../src/client/messages/tab-messages.ts";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import type { Json } from "../../../../src/core/values/json.ts";
import { type Presence } from "../../../../src/core/wire/messages.ts";
import { PRESENCE_BYTES_MAX, PRESENCE_ENTRIES_MAX } from "../../../../src/core/history/limits.ts";
import { board, column, columnCounts, domain, task } from "../../../support/board-domain.ts";
import { device, type Tab, until } from "../../../support/device.ts";
import { liveClient } from "../../../support/live-client.ts";
import { startServer } from "../../../support/server.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const nextRelease = defineDomain({
  version: domain.definition.version + 1,
  aggregates: [task, column],
  projections: [board, columnCounts],
});
/** The data of the other devices, as a tab's page shows it. */
const seen = (tab: Tab): readonly Json[] => (tab.update().presence ?? []).map(({ data }) => data);
const shows = (tab: Tab, ...data: readonly Json[]) =>
  until(
    () => JSON.stringify(seen(tab)) === JSON.stringify(data),
    `others see ${JSON.stringify(data)}, not ${JSON.stringify(seen(tab))}`,
  );

async function people() {
  const server = await startServer();
  ends.push(server.close);
  const opened = async (tab: Promise<Tab>): Promise<Tab> => {
    const one = await tab;
    let closed: Promise<void> | null = null;
    const close = () => (closed ??= one.close());
    ends.push(close);
    return { ...one, close };
  };
  const ada = device(domain, "team", "ada");
  const open = (release = domain) => opened(ada.open({ url: server.url, release }));
  const bob = await opened(device(domain, "team", "bob").open({ url: server.url }));
  const lead = await open();
  await until(() => lead.status().connection === "live", "the first tab leads");
  return { server, opened, open, bob, lead };
}

test("presence: stays shown when a tab takes the lead that never received it", async () => {
  const { server, opened, open, bob } = await people();
  const shown = await open();
  unwrap(shown.api.setPresence("second"));
  await shows(bob, "second");
  // It knows a newer domain, and so it takes the lead.
  const late = await open(nextRelease);
  await until(() => late.status().leader && late.status().connection === "live", "the newest leads");
  // A new device receives the present data.
  await shows(await opened(device(domain, "team", "carol").open({ url: server.url })), "second");
});

test("presence: shows the tab that set it last, and the tab before it when that closes or clears", async () => {
  const { open, bob, lead } = await people();
  const [second, third] = [await open(), await open()];
  unwrap(lead.api.setPresence(1));
  await shows(bob, 1);
  unwrap(second.api.setPresence(2));
  await shows(bob, 2);
  unwrap(third.api.setPresence(3));
  await shows(bob, 3);
  await third.close();
  await shows(bob, 2);
  unwrap(second.api.setPresence(null));
  await shows(bob, 1);
  unwrap(second.api.setPresence("2 again"));
  await shows(bob, "2 again");
  await lead.close();
  await shows(bob, "2 again");
  await second.close();
  await shows(bob);
});

test("presence: an actor who uses this device's id hides nothing and has an entry of their own", async () => {
  const { server, bob, lead } = await people();
  const { client } = unwrap(lead.api.opened());
  const mallory = await liveClient(server.url, "mallory", { log: "team" });
  mallory.send({ type: "presence", client, data: "squats" });
  await shows(lead, "squats");
  unwrap(lead.api.setPresence("herself"));
  await shows(bob, "squats", "herself");
  expect(bob.update().presence?.map((one) => [one.client, one.actor])).toEqual([
    [client, "token-of-mallory"],
    [client, "ada"],
  ]);
  mallory.close();
  await shows(bob, "herself");
  await shows(lead);
});

test("setPresence: refuses data that is no JSON or too large for a frame, and syncing continues", async () => {
  const { bob, lead } = await people();
  for (const data of ["x".repeat(17_000), Number.NaN, "\ud800"])
    expect(() => unwrap(lead.api.setPresence(data))).toThrow(/presence/);
  unwrap(lead.api.setPresence("fits"));
  await shows(bob, "fits");
  expect(lead.status().connection).toBe("live");
});

test("setPresence: thousands of calls do not disconnect the page, and the last data arrives", async () => {
  const { bob, lead } = await people();
  for (let n = 1; n <= 3_000; n++) {
    unwrap(lead.api.setPresence(n));
    if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await shows(bob, 3_000);
  expect(lead.status().connection).toBe("live");
});

describe("nextOtherPresences", () => {
  const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
  const one = (n: number, data: Json = n, actor = "bob"): Presence => ({ client: id(n), actor, data });
  const own = { client: id(0), actor: "ada" };

  test("removes only the entries that are gone, and never contains this device", () => {
    let others = nextOtherPresences(
      [],
      { set: [one(0, "mine", "ada"), one(0, "not mine"), one(1), one(1, "x", "carol")], gone: [] },
      own,
    );
    expect(others).toEqual([one(0, "not mine"), one(1), one(1, "x", "carol")]);
    others = nextOtherPresences(others, { set: [one(1, "y", "carol")], gone: [id(1), id(0)] }, own);
    expect(others).toEqual([one(1, "y", "carol")]);
    expect(nextOtherPresences(others, { set: [], gone: "all" }, own)).toEqual([]);
  });

  test("bounds the number and the size of entries, whatever the server sends", () => {
    let others: readonly Presence[] = [];
    for (let frame = 0; frame < 20; frame++)
      others = nextOtherPresences(
        others,
        { set: Array.from({ length: 1_000 }, (_, n) => one(1 + frame * 1_000 + n)), gone: [] },
        own,
      );
    expect(others).toHaveLength(PRESENCE_ENTRIES_MAX);
    expect(nextOtherPresences(others, { set: [one(1, "changed"), one(30_000)], gone: [] }, own)).toEqual([
      one(1, "changed"),
      ...others.slice(1),
    ]);
    const large = "x".repeat(PRESENCE_BYTES_MAX);
    expect(
      nextOtherPresences([one(1)], { set: [one(1, large), one(2, large), one(3, { large })], gone: [] }, own),
    ).toEqual([]);
  });
});

describe("OwnPresence", () => {
  function tabs() {
    const timers: (() => void)[] = [];
    let now = 1_000;
    const env: Pick<Env, "now" | "randomBytes" | "setTimer"> = {
      now: () => now,
      randomBytes: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
      setTimer: (run) => (timers.push(run), () => {}),
    };
    const told: Json[] = [];
    const all: OwnPresence[] = [];
    const posted: TabMessage[] = [];
    return {
      told,
      posted,
      tick: () => timers.splice(0).forEach((run) => run()),
      passTime: (ms: number) => (now += ms),
      add: () => {
        const tab = new OwnPresence({
          env,
          post: (message) => {
            posted.push(message);
            if (message.type === "show") for (const other of all) if (other !== tab) other.receive(message);
          },
          send: (data) => told.push(data),
        });
        all.push(tab);
        return tab;
      },
    };
  }

  test("forgets a dead tab after some beats and a closed tab at once, and keeps one that answers", () => {
    const { told, tick, add } = tabs();
    const [lead, dying, living] = [add(), add(), add()];
    lead.setLeader(true);
    living.set("living");
    dying.set("dying");
    for (let beat = 0; beat < 6; beat++) {
      tick();
      lead.onBeat();
      living.answerBeat();
    }
    tick();
    expect(told).toEqual(["living", "dying", "living"]);
    tick();
    living.close();
    expect(told.at(-1)).toBeNull();
  });

  test("a clock that is set back does not hide the tab that set its presence last", () => {
    const { told, tick, passTime, add } = tabs();
    const [lead, follower] = [add(), add()];
    lead.setLeader(true);
    follower.set("before");
    passTime(-900);
    tick();
    lead.set("after");
    tick();
    expect(told).toEqual(["before", "after"]);
  });

  test("sends neither unchanged data nor a first null", () => {
    const { told, posted, tick, add } = tabs();
    const [lead, follower] = [add(), add()];
    lead.setLeader(true);
    lead.set(null);
    lead.set({ card: 1 });
    tick();
    lead.set({ card: 1 });
    tick();
    follower.answerBeat();
    follower.close();
    expect([told, posted]).toEqual([[{ card: 1 }], []]);
  });
});

// The presence of one log: what is shown, what changes, and what is refused.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PRESENCE_ENTRIES_MAX } from "../../../../src/core/history/limits.ts";
import type { Presence } from "../../../../src/core/wire/messages.ts";
import type { Json } from "../../../../src/core/values/json.ts";
import { Member } from "../../../../src/sync-server/live/member.ts";
import { PresenceSet } from "../../../../src/sync-server/live/room-presence.ts";

/** The holder of this node's own entries: a socket that is never used. */
function socket(): Member {
  const unused = () => expect.unreachable("No frame is sent here");
  return new Member(
    { bufferedBytes: 0, send: unused, close: unused, terminate: unused, save: unused },
    { log: "board", cursor: null, principal: { actor: "ada" }, presence: null },
    0,
  );
}

const [tab, otherTab] = [socket(), socket()];
const entry = (data: Json, client = "laptop", actor = "ada"): Presence => ({ client, actor, data });
const device = { client: "laptop", actor: "ada" };

/** A set whose entries were all reported before. */
function reported(...entries: readonly (readonly [Member | string, Presence])[]): PresenceSet {
  const set = new PresenceSet(100);
  for (const [holder, one] of entries) set.set(holder, one);
  set.drainChanges();
  return set;
}

describe("PresenceSet: what a device shows", () => {
  test("PresenceSet: shows the entry that was set last, and the one before when its socket leaves", () => {
    const set = reported([tab, entry(1)], [otherTab, entry(2)]);
    expect(set.all()).toEqual([entry(2)]);
    set.leave(otherTab, device);
    expect([set.all(), set.drainChanges()]).toEqual([[entry(1)], { set: [entry(1)], gone: [] }]);
    set.leave(tab, device);
    expect([set.all(), set.drainChanges()]).toEqual([[], { set: [], gone: ["laptop"] }]);
    expect(set.drainChanges()).toEqual({ set: [], gone: [] });
  });

  test("PresenceSet: a socket that leaves without being shown changes nothing", () => {
    const set = reported([tab, entry(1)], [otherTab, entry(2)]);
    set.leave(tab, device);
    set.leave(tab, { client: "phone", actor: "ada" });
    set.clear({ client: "phone", actor: "ada" });
    expect([set.all(), set.drainChanges()]).toEqual([[entry(2)], { set: [], gone: [] }]);
  });

  test("PresenceSet: a socket that sets its entry again is shown again", () => {
    const set = reported([tab, entry(1)], [otherTab, entry(2)]);
    set.set(tab, entry(1));
    expect([set.all(), set.drainChanges().set]).toEqual([[entry(1)], [entry(1)]]);
  });

  test("PresenceSet: a node that repeats its entry changes nothing, and a new one does", () => {
    const set = reported(["node", entry(1)], [tab, entry(2)]);
    expect(set.set("node", entry(1))).toBe(true);
    expect([set.all(), set.drainChanges().set]).toEqual([[entry(2)], []]);
    expect(set.set("node", entry(3))).toBe(true);
    expect(set.all()).toEqual([entry(3)]);
  });

  test("PresenceSet: the last of one, two or three sockets is shown, and leaves last", () => {
    const third = socket();
    const set = reported([tab, entry(1)]);
    expect(set.own()).toEqual([entry(1)]);
    set.set(otherTab, entry(2));
    set.set(third, entry(3));
    set.drainChanges();
    expect([set.own(), set.all()]).toEqual([[entry(3)], [entry(3)]]);
    set.leave(otherTab, device);
    expect(set.drainChanges()).toEqual({ set: [], gone: [] });
    set.set(otherTab, entry(4));
    set.drainChanges();
    set.leave(otherTab, device);
    expect(set.drainChanges()).toEqual({ set: [entry(3)], gone: [] });
  });

  test("PresenceSet: own entries are those of sockets, the last one of each device", () => {
    const set = reported([tab, entry(1)], [otherTab, entry(2)], ["node", entry(3)], ["node", entry(4, "phone")]);
    expect([set.own(), set.all()]).toEqual([[entry(2)], [entry(3), entry(4, "phone")]]);
    expect([set.ownOf(device), set.ownOf({ client: "phone", actor: "ada" })]).toEqual([entry(2), undefined]);
    expect(set.ownOf({ client: "unknown", actor: "ada" })).toBe(undefined);
  });
});

describe("PresenceSet: two actors under one device id", () => {
  test("PresenceSet: both are shown, and the other one is sent again when one leaves", () => {
    const [hers, his] = [entry(1), entry(2, "laptop", "bob")];
    const set = reported([tab, hers], ["node", his], ["node", entry(5, "phone")]);
    set.clear(device);
    expect(set.drainChanges()).toEqual({ set: [his], gone: ["laptop"] });
  });

  test("PresenceSet: a device that leaves and returns before the report did not leave", () => {
    const set = reported([tab, entry(1)]);
    set.clear(device);
    set.set(tab, entry(2));
    expect(set.drainChanges()).toEqual({ set: [entry(2)], gone: [] });
  });
});

describe("PresenceSet: entries that are refused", () => {
  test("PresenceSet: takes data of exactly the largest size, and nothing larger or not JSON", () => {
    const set = new PresenceSet(5);
    expect([set.set(tab, entry("abc")), set.set(tab, entry("abcd")), set.set(tab, entry("語語"))]).toEqual([
      true,
      false,
      false,
    ]);
    expect([set.set(tab, entry("\ud800")), set.all()]).toEqual([false, [entry("abc")]]);
  });

  test("PresenceSet: a full log takes no new device, and known ones still change", () => {
    const set = new PresenceSet(100);
    for (let n = 0; n < PRESENCE_ENTRIES_MAX; n++) expect(set.set("node", entry(n, `d${n}`))).toBe(true);
    expect(set.set(tab, entry(1, "one more"))).toBe(false);
    expect(set.set(tab, entry(1, "d3"))).toBe(true);
    expect(set.all()).toHaveLength(PRESENCE_ENTRIES_MAX);
  });
});

test("PresenceSet: a client that applies every change shows what the set shows", () => {
  const holders = [tab, otherTab, "one", "two"] as const;
  const step = fc.record({
    verb: fc.constantFrom("set", "set", "leave", "clear", "drain"),
    holder: fc.constantFrom(...holders),
    client: fc.constantFrom("a", "b"),
    actor: fc.constantFrom("ada", "bob"),
    data: fc.nat({ max: 2 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const set = new PresenceSet(100);
      const shown = new Map<string, Presence>();
      const apply = () => {
        const changes = set.drainChanges();
        for (const [key, { client }] of shown) if (changes.gone.includes(client)) shown.delete(key);
        for (const one of changes.set) shown.set(`${one.client} ${one.actor}`, one);
      };
      for (const { verb, holder, client, actor, data } of steps) {
        if (verb === "set") set.set(holder, { client, actor, data });
        else if (verb === "leave") set.leave(holder, { client, actor });
        else if (verb === "clear") set.clear({ client, actor });
        else apply();
      }
      apply();
      const byKey = (entries: readonly Presence[]) =>
        entries.map((one) => JSON.stringify([one.client, one.actor, one.data])).sort();
      expect(byKey([...shown.values()])).toEqual(byKey(set.all()));
    }),
  );
});

// The entries of other nodes: set, ended, cleared and repeated.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { NodeEntry, NodeMessage } from "../../../../src/sync-server/live/node-message.ts";
import { RemotePresence } from "../../../../src/sync-server/live/remote-presence.ts";
import { PresenceSet } from "../../../../src/sync-server/live/room-presence.ts";

const NOW = 1_000_000;
const phone = { client: "phone", actor: "ada" };
const laptop = { client: "laptop", actor: "bob" };

function scene() {
  const set = new PresenceSet(1_024);
  const remote = new RemotePresence(set);
  const receive = (node: string, entries: readonly NodeEntry[], now = NOW, facts: Partial<NodeMessage> = {}) =>
    remote.receive(node, { entries, asks: false, ends: false, ...facts }, now);
  const shown = () => set.all().map(({ client, data }) => `${client} ${JSON.stringify(data)}`);
  return { set, remote, receive, shown };
}

test("RemotePresence: an entry ends 30 seconds after its node repeated it last", () => {
  const { remote, receive, shown } = scene();
  receive("one", [{ ...phone, data: 1 }]);
  receive("one", [{ ...laptop, data: 2 }], NOW + 10_000);
  receive("one", [{ ...phone, data: 1 }], NOW + 20_000);
  expect(remote.expire(NOW + 39_999)).toBe(false);
  expect(remote.expire(NOW + 40_000)).toBe(true);
  expect(shown()).toEqual(["phone 1"]);
  expect([remote.expire(NOW + 49_999), shown()]).toEqual([false, ["phone 1"]]);
  expect([remote.expire(NOW + 50_000), shown()]).toEqual([true, []]);
  expect(remote.expire(NOW + 90_000)).toBe(false);
});

test("RemotePresence: a clock that was set back delays no end", () => {
  const { remote, receive, shown } = scene();
  receive("one", [{ ...phone, data: 1 }]);
  expect(remote.expire(NOW - 3_600_000)).toBe(false);
  expect(remote.expire(NOW - 3_570_001)).toBe(false);
  expect([remote.expire(NOW - 3_570_000), shown()]).toEqual([true, []]);
});

test("RemotePresence: a node that ends takes its own entries along, and no other node's", () => {
  const { remote, receive, shown } = scene();
  receive("one", [
    { ...phone, data: 1 },
    { ...laptop, data: 1 },
  ]);
  receive("two", [{ ...laptop, data: 2 }]);
  receive("one", [{ client: "tv", actor: "cleo", data: 3 }], NOW, { ends: true });
  expect(shown()).toEqual(["laptop 2"]);
  expect(remote.expire(NOW + 30_000)).toBe(true);
  expect(shown()).toEqual([]);
});

test("RemotePresence: without data one node's entry ends, with null all entries of the device", () => {
  const { receive, shown, remote } = scene();
  for (const node of ["one", "two"]) receive(node, [{ ...phone, data: node }]);
  expect(shown()).toEqual([`phone "two"`]);
  receive("two", [phone]);
  expect(shown()).toEqual([`phone "one"`]);
  receive("two", [{ ...phone, data: 2 }]);
  receive("three", [{ ...phone, data: null }]);
  expect(shown()).toEqual([]);
  // No node knows the device any more, so nothing is left to end.
  expect(remote.expire(NOW + 30_000)).toBe(false);
});

test("RemotePresence: an entry that is too large is not shown, and does not end anything", () => {
  const { receive, shown, remote } = scene();
  receive("one", [
    { ...phone, data: "x".repeat(2_000) },
    { ...laptop, data: 1 },
  ]);
  expect(shown()).toEqual(["laptop 1"]);
  receive("one", [laptop]);
  expect([shown(), remote.expire(NOW + 30_000)]).toEqual([[], false]);
});

test("RemotePresence: a device of this node shows its own entry again after another node", () => {
  const { set, receive, remote, shown } = scene();
  set.set("own", { ...phone, data: "own" });
  receive("one", [phone]);
  receive("one", [{ ...phone, data: "theirs" }]);
  expect(shown()).toEqual([`phone "theirs"`]);
  expect([remote.expire(NOW + 30_000), shown()]).toEqual([true, [`phone "own"`]]);
});

test("RemotePresence: shows what a plain list of the last entry of each node shows", () => {
  const step = fc.record({
    node: fc.constantFrom("one", "two"),
    device: fc.constantFrom(phone, laptop),
    data: fc.constantFrom(undefined, null, 1, 2),
    wait: fc.constantFrom(0, 9_000, 31_000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const { receive, remote, set } = scene();
      let now = NOW;
      let plain: { key: string; client: string; data: unknown; until: number }[] = [];
      for (const { node, device, data, wait } of steps) {
        now += wait;
        remote.expire(now);
        plain = plain.filter(({ until }) => until > now);
        receive(node, [{ ...device, ...(data !== undefined && { data }) }], now);
        const key = `${node} ${device.client}`;
        const until = now + 30_000;
        if (data === null) plain = plain.filter(({ client }) => client !== device.client);
        else if (data === undefined) plain = plain.filter((one) => one.key !== key);
        else {
          const before = plain.find((one) => one.key === key);
          // A repetition does not come before a newer entry.
          if (before?.data === data) before.until = until;
          else plain = [...plain.filter((one) => one.key !== key), { key, client: device.client, data, until }];
        }
      }
      const last = new Map(plain.map(({ client, data }) => [client, data]));
      expect(new Map(set.all().map(({ client, data }) => [client, data]))).toEqual(last);
    }),
  );
});

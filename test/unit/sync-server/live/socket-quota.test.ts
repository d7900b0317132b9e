// The count of open sockets: of all, of a log and of an actor.
import fc from "fast-check";
import { expect, test } from "vitest";
import { SERVER_LIMITS } from "../../../../src/sync-server/base/limits.ts";
import { SocketQuota } from "../../../../src/sync-server/live/socket-quota.ts";

const LIMITS = { ...SERVER_LIMITS, socketsMax: 6, socketsPerLogMax: 4, socketsPerActorMax: 3 };
const sockets = fc.record({ log: fc.constantFrom("a", "b", "c"), actor: fc.constantFrom("ada", "bob", "cleo") });

test("SocketQuota: refuses a socket over one of the limits, after any sockets came and went", () => {
  const steps = fc.array(fc.record({ socket: sockets, leaves: fc.boolean() }), { maxLength: 40 });
  fc.assert(
    fc.property(steps, sockets, (given, next) => {
      const quota = new SocketQuota(LIMITS);
      let open: (typeof next)[] = [];
      for (const { socket, leaves } of given) {
        const known = open.find((one) => one.log === socket.log && one.actor === socket.actor);
        if (leaves && known) {
          open = open.filter((one) => one !== known);
          quota.remove(known.log, known.actor);
        } else if (!leaves) {
          open.push({ ...socket });
          quota.add(socket.log, socket.actor);
        }
      }
      const ofActor = open.filter(({ actor }) => actor === next.actor).length;
      const ofLog = open.filter(({ log }) => log === next.log).length;
      expect(quota.refusal(next.log, next.actor)).toBe(
        ofActor >= 3 ? "rate-limited" : open.length >= 6 || ofLog >= 4 ? "overloaded" : null,
      );
    }),
  );
});

test.each([
  [{ socketsMax: 2 }, "overloaded"],
  [{ socketsPerLogMax: 2 }, "overloaded"],
  [{ socketsPerActorMax: 2 }, "rate-limited"],
] as const)("SocketQuota: the limit %j lets exactly two sockets in", (limits, code) => {
  const quota = new SocketQuota({ ...SERVER_LIMITS, ...limits });
  for (let n = 0; n < 2; n++) {
    expect(quota.refusal("board", "ada")).toBeNull();
    quota.add("board", "ada");
  }
  expect(quota.refusal("board", "ada")).toBe(code);
  quota.remove("board", "ada");
  expect(quota.refusal("board", "ada")).toBeNull();
});

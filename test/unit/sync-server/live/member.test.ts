// One socket of a room: its frames, its attachment, and when it counts as slow or silent.
import { expect, test } from "vitest";
import { Member } from "../../../../src/sync-server/live/member.ts";
import type { LiveAttachment } from "../../../../src/sync-server/live/server-socket.ts";
import { fakeSocket } from "../../../support/live-scene.ts";

const NOW = 1_000_000;
const PONG = `{"type":"pong"}`;

function member(facts: Partial<LiveAttachment> = {}) {
  const socket = fakeSocket();
  const attachment = { log: "board", cursor: null, principal: { actor: "ada" }, presence: null, ...facts };
  return { socket, member: new Member(socket, attachment, NOW) };
}

test("Member: keeps its attachment over a loss of memory", () => {
  const attachment: LiveAttachment = {
    log: "board",
    cursor: "7-00000000000000aa",
    principal: { actor: "ada", expiresAt: NOW + 5 },
    presence: { client: "c", data: 1 },
    checkedAt: NOW - 3,
    retryAt: NOW + 2,
    heardAt: NOW - 4,
  };
  const first = member(attachment);
  first.member.save();
  expect(first.socket.saved).toEqual([attachment]);
  expect(first.member.delivery).toEqual({ kind: "live", cursor: { position: 7, mark: "00000000000000aa" } });
  const fresh = member();
  fresh.member.save();
  expect(fresh.socket.saved).toEqual([
    { log: "board", cursor: null, principal: { actor: "ada" }, presence: null, checkedAt: 0, heardAt: NOW },
  ]);
});

test("Member: nothing is sent or saved after a goodbye, and there is one goodbye", () => {
  const { socket, member: ada } = member();
  ada.send(PONG);
  ada.close("forbidden");
  ada.close("gone", 5);
  ada.send(PONG);
  ada.save();
  expect(socket.frames).toEqual([{ type: "pong" }, { type: "bye", code: "forbidden" }]);
  expect([socket.closed, socket.saved, socket.terminated]).toEqual([[[1000, "forbidden"]], [], 0]);
});

test("Member: a goodbye of a restart has its own close code and the delay", () => {
  const { socket, member: ada } = member();
  ada.close("restarting", 1_234);
  expect(socket.frames).toEqual([{ type: "bye", code: "restarting", retryAfterMs: 1_234 }]);
  expect(socket.closed).toEqual([[1012, "restarting"]]);
});

test("Member: a socket that throws is terminated, and its goodbye still closes it", () => {
  const { socket, member: ada } = member();
  socket.broken = "send";
  ada.send(PONG);
  expect(socket.terminated).toBe(1);
  socket.broken = "save";
  ada.save();
  expect(socket.terminated).toBe(2);
  socket.broken = "send";
  ada.close("gone");
  expect([socket.terminated, socket.closed]).toEqual([3, [[1000, "gone"]]]);
});

test("Member: is slow above its budget only", () => {
  const { socket, member: ada } = member();
  socket.bufferedBytes = 1_000;
  expect([ada.isSlow(1_000), ada.isSlow(999)]).toEqual([false, true]);
});

test("Member: is silent if neither its client nor its runtime was there for 90 seconds", () => {
  const { socket, member: ada } = member({ heardAt: NOW - 90_000 });
  expect([ada.isSilent(NOW), ada.isSilent(NOW + 1)]).toEqual([false, true]);
  socket.answeredAt = NOW;
  expect([ada.isSilent(NOW + 90_000), ada.isSilent(NOW + 90_001)]).toEqual([false, true]);
  ada.incoming.heardAt = NOW + 1;
  expect(ada.isSilent(NOW + 90_001)).toBe(false);
  expect(member().member.isSilent(NOW + 90_000)).toBe(false);
});

test("Member: times in the future become now, and others stay", () => {
  const { member: ada } = member({ heardAt: NOW + 10, checkedAt: NOW + 10 });
  ada.correctTimes(NOW);
  expect([ada.incoming.heardAt, ada.right.dueAt(0)]).toEqual([NOW, 0]);
  ada.correctTimes(NOW + 5);
  expect(ada.incoming.heardAt).toBe(NOW);
});

test("Member: a renewed identity is saved, with a right that was just confirmed", () => {
  const { socket, member: ada } = member({ checkedAt: NOW - 90_000, retryAt: NOW });
  ada.renew({ actor: "ada", expiresAt: NOW + 60_000 }, NOW + 1);
  expect(ada.principal).toEqual({ actor: "ada", expiresAt: NOW + 60_000 });
  expect(ada.right.dueAt(40_000)).toBe(NOW + 40_001);
  expect(socket.saved).toMatchObject([{ principal: { expiresAt: NOW + 60_000 }, checkedAt: NOW + 1 }]);
});

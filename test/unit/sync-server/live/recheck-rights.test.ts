// The right of a socket to read: when it is due, and what an answer or a failure does to the socket.
import { expect, test } from "vitest";
import { HttpRefusal } from "../../../../src/sync-server/base/http-refusal.ts";
import { Member } from "../../../../src/sync-server/live/member.ts";
import { ReadRight } from "../../../../src/sync-server/live/read-right.ts";
import { nextRecheckAt, recheckRights } from "../../../../src/sync-server/live/recheck-rights.ts";
import { fakeClock, fakeSocket } from "../../../support/live-scene.ts";

const NOW = 1_000_000;

test("ReadRight: is due a time after it was confirmed, or 5 seconds after a lost answer", () => {
  const right = new ReadRight({});
  expect([right.dueAt(40_000), right.toJson()]).toEqual([40_000, { checkedAt: 0 }]);
  expect(right.noteRequest(NOW)).toBe(false);
  expect([right.dueAt(40_000), right.toJson()]).toEqual([NOW + 5_000, { checkedAt: NOW, retryAt: NOW + 5_000 }]);
  expect(right.noteRequest(NOW + 5_000)).toBe(true);
  right.confirm();
  expect([right.dueAt(40_000), right.toJson()]).toEqual([NOW + 45_000, { checkedAt: NOW + 5_000 }]);
  expect(Object.keys(right.toJson())).toEqual(["checkedAt"]);
  expect([right.noteRequest(NOW + 45_000), right.dueAt(Infinity)]).toEqual([false, NOW + 50_000]);
});

test("ReadRight: continues with the times of an attachment", () => {
  for (const times of [{ checkedAt: NOW }, { checkedAt: NOW, retryAt: NOW + 5_000 }]) {
    const right = new ReadRight(times);
    expect([right.toJson(), right.dueAt(1_000)]).toEqual([times, times.retryAt ?? NOW + 1_000]);
    expect(right.noteRequest(NOW + 9_000)).toBe("retryAt" in times);
  }
});

test("ReadRight: a time in the future counts as due, and no other time changes", () => {
  const corrected = (checkedAt: number, retryAt?: number) => {
    const right = new ReadRight({ checkedAt, ...(retryAt !== undefined && { retryAt }) });
    right.correctTimes(NOW);
    return right.toJson();
  };
  expect(corrected(NOW)).toEqual({ checkedAt: NOW });
  expect(corrected(NOW + 1)).toEqual({ checkedAt: 0 });
  expect(corrected(NOW - 1, NOW + 4_000)).toEqual({ checkedAt: NOW - 1, retryAt: NOW + 4_000 });
  expect(corrected(NOW - 1, NOW + 6_000)).toEqual({ checkedAt: NOW - 1, retryAt: NOW + 5_000 });
});

test("nextRecheckAt: is the end of the token, if that comes before the right is due", () => {
  const right = new ReadRight({ checkedAt: NOW });
  const at = (expiresAt?: number) =>
    nextRecheckAt({ right, principal: { actor: "ada", ...(expiresAt !== undefined && { expiresAt }) } }, 40_000);
  expect([at(), at(NOW + 39_999), at(NOW + 40_001)]).toEqual([NOW + 40_000, NOW + 39_999, NOW + 40_000]);
});

/** Requests the right of a socket once for each answer, five seconds apart. */
async function rechecked(answers: readonly (Error | null)[]) {
  const { env } = fakeClock();
  const socket = fakeSocket();
  const attachment = { log: "board", cursor: null, principal: { actor: "ada" }, presence: null };
  const member = new Member(socket, { ...attachment, checkedAt: NOW }, NOW);
  const asked: string[] = [];
  for (const [n, answer] of answers.entries())
    await recheckRights(member, NOW + n * 5_000, {
      env,
      checkReader: ({ actor }, log) => {
        asked.push(`${actor} ${log}`);
        return answer ? Promise.reject(answer) : Promise.resolve();
      },
    });
  expect(asked).toEqual(answers.map(() => "ada board"));
  return socket;
}

test("recheckRights: a right that is confirmed closes nothing, and its time is kept", async () => {
  const { closed, frames, saved } = await rechecked([null, null]);
  expect([closed, frames]).toEqual([[], []]);
  expect(saved.map(({ checkedAt, retryAt }) => [checkedAt, retryAt])).toEqual([
    [NOW, undefined],
    [NOW + 5_000, undefined],
  ]);
});

test.each(["forbidden", "unauthorized"] as const)(
  "recheckRights: a socket is closed at once if its right is %s",
  async (code) => {
    const { closed, frames, saved } = await rechecked([new HttpRefusal(code)]);
    expect([closed, frames, saved]).toEqual([[[1000, code]], [{ type: "bye", code }], []]);
  },
);

test.each([[new HttpRefusal("unavailable")], [new HttpRefusal("rate-limited")], [new Error("no directory")]])(
  "recheckRights: %s closes a socket the second time in turn only",
  async (failure) => {
    const once = await rechecked([failure]);
    expect(once.closed).toEqual([]);
    expect(once.saved).toMatchObject([{ checkedAt: NOW, retryAt: NOW + 5_000 }]);
    expect((await rechecked([failure, null, failure])).closed).toEqual([]);
    const twice = await rechecked([failure, failure]);
    expect(twice.closed).toEqual([[1000, "unavailable"]]);
    expect(twice.frames).toEqual([{ type: "bye", code: "unavailable", retryAfterMs: 2_000 }]);
    expect(twice.saved).toHaveLength(1);
  },
);

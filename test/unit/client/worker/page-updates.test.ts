// The updates of a page: what they contain, when they leave, and that no answer leaves before its rows.
import { expect, test } from "vitest";
import type { CallAnswer, PageUpdate, WorkerStatus } from "../../../../src/client/messages/worker-messages.ts";
import { PageUpdates } from "../../../../src/client/worker/page-updates.ts";
import { parseOwnJson } from "../../../support/own-json.ts";

const status: WorkerStatus = {
  connection: "local",
  leader: true,
  pending: 0,
  waitingSince: null,
  doubtful: [],
  rejections: 0,
  lastSyncedAt: null,
  retryAt: null,
  position: 0,
  head: 0,
  traffic: { received: 0, sent: 0 },
  parked: { count: 0, events: [] },
  reduced: [],
  outdated: false,
  sentAgain: null,
  stuck: null,
  error: null,
};
const delta = (key: string) => ({ projection: "board", set: [{ key, row: 1, pending: true }], removed: [] });
const answer = (call: number): CallAnswer => ({ call, answer: { ok: true, value: { commit: `commit ${call}` } } });

function page() {
  const received: PageUpdate[] = [];
  let now = status;
  const updates = new PageUpdates({ changed: (text) => received.push(parseOwnJson(text)) }, () => ({
    status: now,
    rejections: [],
    presence: [],
  }));
  updates.whole();
  updates.watch("board");
  received.length = 0;
  return { received, updates, setPending: (pending: number) => (now = { ...now, pending }) };
}

test("addAnswer: the last expected answer leaves at once, in one update with rows and answers", () => {
  const { received, updates, setPending } = page();
  updates.expectAnswers(2);
  updates.addRows([delta("t1")]);
  setPending(2);
  updates.addAnswer(answer(1));
  expect(received).toEqual([]);
  updates.addRows([delta("t2")]);
  updates.addAnswer(answer(2));
  expect(received).toEqual([
    { seq: 3, deltas: [delta("t1"), delta("t2")], status: { ...status, pending: 2 }, answers: [answer(1), answer(2)] },
  ]);
});

test("addAnswer: an answer waits for other expected answers only until the turn ends", async () => {
  const { received, updates } = page();
  updates.expectAnswers(2);
  updates.addRows([delta("t1")]);
  updates.addAnswer(answer(1));
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(received).toEqual([{ seq: 3, deltas: [delta("t1")], answers: [answer(1)] }]);
});

test("flush: sends only what the page lacks, and returns the number of the last update", () => {
  const { received, updates } = page();
  updates.addRows([delta("t1"), { ...delta("t1"), projection: "unwatched" }]);
  expect([updates.flush(), updates.flush()]).toEqual([3, 3]);
  expect(received).toEqual([{ seq: 3, deltas: [delta("t1")] }]);
});

test("close: later updates contain answers only", () => {
  const { received, updates, setPending } = page();
  updates.expectAnswers(1);
  updates.close();
  updates.addRows([delta("t1")]);
  setPending(1);
  updates.addAnswer(answer(1));
  expect(received).toEqual([{ seq: 3, answers: [answer(1)] }]);
});

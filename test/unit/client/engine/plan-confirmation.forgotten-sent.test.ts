// Settled commits are forgotten by the server's time, because a device's own clock may be far ahead.
import { expect, test } from "vitest";
import type { CommitRecord } from "../../../../src/core/history/record.ts";
import { cursorOf } from "../../../../src/core/history/record.ts";
import {
  type ConfirmFacts,
  planConfirmation,
  type ServerAnswer,
} from "../../../../src/client/engine/plan-confirmation.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const KEPT_MS = 30 * DAY_MS;
const SERVER_TIME = Date.UTC(2026, 0, 1);
const commit = { id: "c1", client: "d1", actor: "ada", time: SERVER_TIME, meta: null, commands: [] };

/** A device whose clock is 70 years ahead. */
const facts: ConfirmFacts = {
  cursor: null,
  pending: [{ n: 1, at: null, undo: null, commit }],
  rejections: [],
  now: Date.UTC(2096, 0, 1),
  sentKeptMs: KEPT_MS,
  serverTime: null,
};
const nothing: ServerAnswer = {
  page: { after: null, records: [], cursor: null, head: 0, more: false },
  text: "",
  outcomes: [],
};

function answerWith(record: CommitRecord): ServerAnswer {
  const page = { after: null, records: [record], cursor: cursorOf(record), head: record.position, more: false };
  return { page, text: "", outcomes: [] };
}

test.each([
  ["a rejection", { id: "c1", outcome: "rejected", command: 0, code: "no", message: "" }],
  ["an empty outcome", { id: "c1", outcome: "empty" }],
] as const)("confirm: %s forgets no settled commit by the device's own clock", (_, outcome) => {
  for (const serverTime of [null, SERVER_TIME]) {
    const plan = planConfirmation({ ...facts, serverTime }, { ...nothing, outcomes: [outcome] });
    expect(plan?.confirmation).toMatchObject({ forgetSentBefore: null });
  }
});

test("confirm: a record forgets commits that settled 30 days before the server received it", () => {
  const { id, client, actor, time, meta } = commit;
  const events = [{ type: "E", v: 1, stream: "task/t1", version: 1, data: {} }];
  const record = { position: 1, mark: "m1", commit: id, client, actor, time, received: SERVER_TIME, meta, events };
  const plan = planConfirmation(facts, answerWith(record));
  expect(plan?.confirmation).toMatchObject({
    forgetSentBefore: SERVER_TIME - KEPT_MS,
    settled: [{ settledAt: SERVER_TIME }],
  });
});

test("confirm: a local log forgets no settled commit", () => {
  const { id, client, actor, time, meta } = commit;
  const events = [{ type: "E", v: 1, stream: "task/t1", version: 1, data: {} }];
  const record = { position: 1, mark: "m1", commit: id, client, actor, time, received: SERVER_TIME, meta, events };
  const plan = planConfirmation({ ...facts, sentKeptMs: null }, answerWith(record));
  expect(plan?.confirmation).toMatchObject({ forgetSentBefore: null });
});

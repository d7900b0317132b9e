/** Policies that need what the author saw: `keep` and a merge function, on the server and on the author's device. */
import { aggregate, defineDomain, event } from "dacapo";
import { expect, test } from "vitest";
import * as v from "valibot";
import type { Commit } from "../../../../src/core/history/commit.ts";
import {
  reconcileCommit,
  type ReconcileFacts,
  type StreamWindow,
} from "../../../../src/core/decide/reconcile-commit.ts";
import type { StreamState } from "../../../../src/core/fold/fold.ts";
import type { DomainEvent } from "../../../../src/core/domain/event.ts";
import { commitOf } from "../../../../src/testing/log-store/fixtures.ts";
import { becomes, logOf, made, NOW, pushed } from "../../../support/core/scene.ts";
import { tally, task, taskDomain } from "../../../support/task-domain.ts";

const meter = aggregate("meter", {
  version: 1,
  initial: 0,
  events: {
    Raised: v.object({}),
    Read: event(v.object({ at: v.number() })).next(v.object({ at: v.number(), unit: v.string() }), (old) => ({
      ...old,
      unit: "kWh",
    })),
  },
  evolve: { Raised: (count) => count + 1, Read: (count) => count },
  commands: {
    raise: { decide: (_, __, { emit }) => emit("Raised") },
    read: { decide: (at, _, { emit }) => emit("Read", { at, unit: "kWh" }), onConflict: "keep" },
    clock: { decide: (_, __, { emit, time }) => emit("Read", { at: time, unit: "ms" }) },
    serverClock: { decide: (_, __, { emit, time }) => emit("Read", { at: time, unit: "ms" }), time: "server" },
    refuse: { decide: (_, __, { reject }) => reject("invalid-input") },
    misread: { decide: () => [{ type: "Read", data: { at: "now" } }] as never },
    guarded: { decide: (at, _, { emit }) => emit("Read", { at, unit: "kWh" }), onConflict: "reject" },
  },
});
const { definition: meters } = defineDomain({ version: 2, aggregates: [meter] });

const at = (version: number, state: StreamState["state"]): StreamState => ({ version, state, unreadable: null });
const foreign: DomainEvent = {
  id: "x:0",
  type: "Raised",
  data: {},
  aggregate: "meter",
  stream: "meter/a",
  version: 1,
  position: 1,
  time: 1,
  actor: "bob",
  client: "bobs",
  meta: null,
  correlation: "x",
};

type Command = { readonly stream?: string; readonly name: string; readonly events?: Commit["commands"][0]["events"] };

/** A commit on meters that have no event yet for its author. */
function commitWith(commands: readonly Command[], facts: Partial<Commit> = {}): Commit {
  const whole = commands.map((one) => ({ stream: "meter/a", seen: 0, reads: [], v: 1, events: [], ...one }));
  return { ...commitOf("a"), commands: whole, ...facts };
}

/** Decides a commit. Bob raised the meter `a` from 0 to 1, and the author has not seen it. */
function decided(commit: Commit, window: Partial<StreamWindow> = {}, mode: ReconcileFacts["mode"] = "server") {
  const outcome = reconcileCommit(meters, commit, {
    mode,
    now: NOW,
    window: (stream) => ({
      current: stream === "meter/a" ? at(1, 1) : at(0, 0),
      from: 0,
      since: stream === "meter/a" ? [foreign] : [],
      authored: () => at(0, 0),
      ...window,
    }),
  });
  if (outcome.kind === "rejected") return outcome.defect.code;
  return outcome.events.map(({ type, data }) => (type === "Read" ? data : type));
}
const reading = (value: number) => ({ at: value, unit: "kWh" });

test("keep: decides on the state that the author saw, with earlier events of the commit", () => {
  expect(decided(commitWith([{ name: "read" }]))).toEqual([reading(0)]);
  const twice = [{ stream: "meter/b", name: "raise" }, { name: "raise" }, { name: "read" }];
  expect(decided(commitWith(twice))).toEqual(["Raised", "Raised", reading(1)]);
});

test("keep: decides on the current state if the author's state is not known or cannot be used", () => {
  const read = commitWith([{ name: "read" }]);
  const raised = commitWith([{ name: "raise" }, { name: "read" }]);
  expect(decided(read, { authored: null })).toEqual([reading(1)]);
  const unreadable = { event: "y:0", reason: "why" };
  expect(decided(read, { authored: () => ({ ...at(0, 0), unreadable }) })).toEqual([reading(1)]);
  // The state of an app may be a value that cannot be frozen.
  const odd = JSON.parse("0", () => new Uint8Array(1)) as StreamState["state"];
  expect(decided(raised, { authored: () => at(0, odd) })).toEqual(["Raised", reading(2)]);
});

test("keep: a device keeps the events that it decided, upcast to this release", () => {
  const kept = (type: string, version: number, data: object) => {
    const events = [{ type, v: version, data: JSON.parse(JSON.stringify(data)) as null }];
    return decided(commitWith([{ name: "read", events }]), { authored: null }, "device");
  };
  expect(kept("Read", 1, { at: 7 })).toEqual([reading(7)]);
  expect(kept("Read", 2, { at: 7, unit: "MWh" })).toEqual([{ at: 7, unit: "MWh" }]);
  // Events that this release cannot read count as not known, as on the server.
  expect(kept("Read", 3, { at: 7 })).toEqual([reading(1)]);
  expect(kept("Estimated", 1, { at: 7 })).toEqual([reading(1)]);
});

test("onConflict: a guarded commit is rejected on a conflict, except its commands that keep", () => {
  const guarded = { onConflict: "reject" } as const;
  expect(decided(commitWith([{ name: "raise" }]))).toEqual(["Raised"]);
  expect(decided(commitWith([{ name: "raise" }], guarded))).toBe("conflict");
  expect(decided(commitWith([{ name: "read" }], guarded))).toEqual([reading(0)]);
  expect(decided(commitWith([{ name: "guarded" }]))).toBe("conflict");
  expect(decided(commitWith([{ name: "raise" }], guarded), { since: [] })).toEqual(["Raised"]);
});

test("reads: a read stream without events is no conflict, although the commit does not list it", () => {
  const server = logOf();
  const copy = (from: string) => {
    const commit = made(server, "ann", [tally.command.copy("z", { from })]);
    return { ...commit, commands: commit.commands.map((command) => ({ ...command, reads: [] })) };
  };
  expect(becomes(server, copy("empty"))).toEqual([["Added", { amount: 0 }]]);
  expect(becomes(server, copy("a"))).toBe("conflict");
});

test("input: a request of an older version is upcast before it is decided", () => {
  const server = logOf();
  const commit = made(server, "ann", [task.command.add("t7", { title: "Salt", column: "done" })]);
  const [command = expect.fail("no command")] = commit.commands;
  const older = { ...commit, commands: [{ ...command, v: 1, input: { title: "Salt" } }] };
  expect(becomes(server, older)).toEqual([["TaskAdded", { title: "Salt", column: "todo" }]]);
});

test("time: is that of the author, or of the receiver for a command with the time of the server", () => {
  const commit = commitWith([{ name: "clock" }, { name: "serverClock" }], { time: 123 });
  expect(decided(commit)).toEqual([
    { at: 123, unit: "ms" },
    { at: NOW, unit: "ms" },
  ]);
});

test("outdated: the app's own rejections and events keep their codes, also for an older release", () => {
  expect(decided(commitWith([{ name: "refuse" }], { domain: 1 }))).toBe("invalid-input");
  expect(decided(commitWith([{ name: "misread" }], { domain: 1 }))).toBe("invalid-event");
  expect(decided(commitWith([{ name: "gone" }], { domain: 1 }))).toBe("outdated");
});

test("outdated: names only the commits that this release no longer takes", () => {
  const server = logOf();
  const codeOf = (change: object, domain: number) => {
    const commit = made(server, "ann", [tally.command.spend("a", { amount: 1 })]);
    const [command = expect.fail("no command")] = commit.commands;
    const outcome = pushed(server, { ...commit, domain, commands: [{ ...command, ...change }] });
    return outcome.kind === "rejected" ? outcome.defect.code : outcome.kind;
  };
  const { version } = taskDomain.definition;
  const older = version - 1;
  for (const [change, code] of [
    [{ name: "lend" }, "unknown-command"],
    [{ stream: "purse/a" }, "unknown-aggregate"],
    [{ input: { amount: "1" } }, "invalid-input"],
  ] as const)
    expect([codeOf(change, older), codeOf(change, version)]).toEqual(["outdated", code]);
  expect(codeOf({ input: { amount: 1_000 } }, older)).toBe("too-little");
  expect(codeOf({}, older)).toBe("events");
});

/** An app's functions that change their state in place, return states that are not JSON, or make ids. */
import { describe, expect, test } from "vitest";
import * as v from "valibot";
import type { Json } from "../../../../src/core/values/json.ts";
import { add, commitOn, eventsFrom, logOf, made, pushed, viewOf } from "../../../support/core/scene.ts";
import { oddDomain } from "../../../support/core/odd-domain.ts";
import { containing } from "../../../support/matchers.ts";

/** Changes a state in place, as an app does that does not know immutability. */
function pushInPlace(state: Json): void {
  (state as { list: Json[] }).list.push("more");
}

describe("reconcileCommit: a function that changes its state in place", () => {
  test("decide: fails at its first use if it changes its state in place", () => {
    const { odd, domain } = oddDomain({ decide: (state) => (pushInPlace(state), []) });
    expect(() => made(logOf([], domain), "ann", [odd.command.do("o1")])).toThrow(/TypeError.*not extensible/);
  });

  test("evolve: fails at its first use if it changes its state in place", () => {
    const { odd, domain } = oddDomain({
      decide: () => [{ type: "Did", data: {} }],
      evolve: (state) => (pushInPlace(state), state),
    });
    expect(() => made(logOf([], domain), "ann", [odd.command.do("o1")])).toThrow(
      /cannot be folded: TypeError.*not extensible/,
    );
  });

  test("evolve: if it returns a value that cannot be frozen, the commit is rejected", () => {
    const { odd, domain } = oddDomain({
      decide: () => [
        { type: "Did", data: 1 },
        { type: "Did", data: 2 },
      ],
      evolve: () =>
        v.parse(
          v.custom<Json>(() => true),
          new Uint8Array(1),
        ),
    });
    expect(() => made(logOf([], domain), "ann", [odd.command.do("o1")])).toThrow(/cannot be folded: TypeError/);
  });

  test("evolve: cannot change the event that it folds", () => {
    const turned = (data: Json) => ({ list: (data as { list: Json[] }).list.reverse() });
    const { odd, domain } = oddDomain({
      decide: () => [{ type: "Did", data: { list: ["b", "a"] } }],
      evolve: (_, data) => turned(data),
    });
    expect(() => made(logOf([], domain), "ann", [odd.command.do("o1")])).toThrow(/TypeError.*read only/);
  });

  test("onConflict: cannot change mine, because other commits share these events", () => {
    const { odd, domain } = oddDomain({
      decide: () => [{ type: "Did", data: { list: [] } }],
      merge: (mine) => {
        pushInPlace(mine[0]?.data ?? null);
        return mine;
      },
    });
    const server = logOf([odd.command.do("o1")], domain);
    const commit = made(server, "ann", [odd.command.merge("o1")]);
    const view = viewOf(server);
    const known = server.records.length;
    add(server, "bob", odd.command.do("o1"));
    view.add(commit, 0);
    view.apply(server.records.slice(known), 0);
    expect(view.pending[0]?.forecast).toMatchObject({
      defect: { kind: "failed", message: containing("not extensible") },
    });
    expect(commit.commands[0]?.events).toEqual([{ type: "Did", v: 1, data: { list: [] } }]);
    expect(pushed(server, commit)).toMatchObject({ kind: "rejected", defect: { kind: "failed" } });
  });
});

describe("evolve: a state that storage would not return equal", () => {
  const circle: { self?: unknown } = {};
  circle.self = circle;

  test.each([
    ["a date", { at: { due: new Date(0) } }, "at at.due is not a plain object"],
    ["a set", { list: [new Set([1])] }, "at list.0 is not a plain object"],
    ["no number", { n: [1, Number.NaN] }, "at n.1 is not a finite number"],
    ["a function", { n: () => 1 }, "at n is of type function"],
    ["a hole", { list: [undefined] }, "at list.0 is of type undefined"],
    ["a circle", circle, "nested deeper than 1000 levels"],
  ])("evolve: a state that is not JSON refuses the first commit: %s", (_, state, reason) => {
    const { odd, domain } = oddDomain({ decide: () => [{ type: "Did", data: 1 }], evolve: () => state as Json });
    expect(() => made(logOf([], domain), "ann", [odd.command.do("o1")])).toThrow(reason);
  });

  test("evolve: an undefined field and -0 are accepted, because losing them does no harm", () => {
    const { odd, domain } = oddDomain({
      decide: () => [{ type: "Did", data: 1 }],
      evolve: () => ({ note: undefined, zero: -0, list: [[{}]] }) as unknown as Json,
    });
    expect(made(logOf([], domain), "ann", [odd.command.do("o1")]).commands[0]?.events).toHaveLength(1);
  });
});

describe("id: ids that a command makes", () => {
  const twoIds = (tools: { readonly id: () => string }) => [{ type: "Did", data: { list: [tools.id(), tools.id()] } }];

  test("id: is the same wherever and however often a commit is decided", () => {
    const { odd, domain } = oddDomain({ decide: (_, tools) => twoIds(tools) });
    const server = logOf([], domain);
    const commit = made(server, "ann", [odd.command.do("o1"), odd.command.do("o2")]);
    expect(commit.commands.flatMap(({ events }) => events.map(({ data }) => data))).toEqual([
      { list: [`${commit.id}.0.0`, `${commit.id}.0.1`] },
      { list: [`${commit.id}.1.0`, `${commit.id}.1.1`] },
    ]);
    add(server, "bob", odd.command.do("o1"));
    expect(eventsFrom(server, commit).map(({ data }) => data)).toEqual(
      commit.commands.flatMap(({ events }) => events.map(({ data }) => data)),
    );
  });

  test("id: onConflict gets other ids than decide", () => {
    const { odd, domain } = oddDomain({
      decide: (_, tools) => twoIds(tools),
      merge: (mine, tools) => [...mine, ...twoIds(tools)],
    });
    const server = logOf([odd.command.do("o1")], domain);
    const commit = made(server, "ann", [odd.command.merge("o1")]);
    add(server, "bob", odd.command.do("o1"));
    const ids = eventsFrom(server, commit).flatMap(({ data }) => (data as { list: string[] }).list);
    expect(new Set(ids).size).toBe(4);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9._~:@-]+$/);
  });
});

describe("forecast: a merge", () => {
  test("forecast: the device expects the same merged events as the server records", () => {
    const { odd, domain } = oddDomain({
      decide: (_, { id }) => [{ type: "Did", data: id() }],
      merge: (mine, { id }) => [...mine, { type: "Did", data: id() }],
    });
    const server = logOf([odd.command.do("o1")], domain);
    const view = viewOf(server);
    const commit = commitOn(domain, view, "ann", [odd.command.merge("o1")]);
    view.add(commit, 0);
    const known = server.records.length;
    add(server, "bob", odd.command.do("o1"));
    view.apply(server.records.slice(known), 0);
    expect(view.pending[0]?.forecast).toEqual({ events: eventsFrom(server, commit) });
  });
});

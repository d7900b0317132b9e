// Pages and a server of different releases: what the server reports of it, and with which code it rejects.
import { expect, test } from "vitest";
import { parsePage, parsePushAnswer } from "../../../../src/core/wire/read-messages.ts";
import { first, releases, second, third } from "../../../support/release-domain.ts";
import { person, testServer } from "../../../support/sync-requests.ts";

const ada = (release: keyof typeof releases) => person(testServer({ domain: releases[release] }), "ada");
const old = first.command.add("p1", { title: "Milk" });

test("P9 push: the answers to pushes and pulls contain the version of the server's domain", async () => {
  const { push, pull, request } = ada("third");
  expect((await push([], null, 1)).domain).toBe(3);
  expect((await pull()).domain).toBe(3);
  expect(await (await request("")).json()).toMatchObject({ domain: 3 });
});

test("P9 push: an input that only an older release accepts is rejected as outdated", async () => {
  const { commit, push } = ada("third");
  const commits = [
    commit(old),
    commit(first.command.drop("p1")),
    commit({ stream: "letter/l1", name: "send", v: 1 }),
    commit(third.command.add("p2", { title: "Bread", weight: 2 })),
  ];
  expect((await push(commits, null, 1)).outcomes).toMatchObject([
    { outcome: "rejected", code: "outdated", path: ["weight"] },
    { outcome: "rejected", code: "outdated" },
    { outcome: "rejected", code: "outdated" },
    { outcome: "recorded" },
  ]);
});

test("P9 push: a fault of the same release keeps its own code", async () => {
  const { commit, push } = ada("third");
  const commits = [commit(old), commit(first.command.drop("p1"))];
  expect((await push(commits, null, 3)).outcomes).toMatchObject([
    { code: "invalid-input" },
    { code: "unknown-command" },
  ]);
});

test("P9 push: the release of a commit counts more than the release of the page that pushes it", async () => {
  const { commit, push } = ada("third");
  // The page was loaded again after it made the commit.
  expect((await push([{ ...commit(old), domain: 1 }], null, 3)).outcomes).toMatchObject([{ code: "outdated" }]);
  // An older tab pushes a commit of a newer tab.
  const newer = { ...commit({ stream: "letter/l1", name: "send", v: 1 }), domain: 4 };
  expect(await push([newer], null, 1)).toMatchObject({ outcomes: [], stopped: { id: newer.id, code: "later" } });
});

test("P9 push: the outcome names the keys that an older server drops", async () => {
  const { commit, push } = ada("first");
  const add = second.command.add("p1", { title: "Milk", weight: 2, place: { street: "High Street", floor: 3 } });
  const sent = commit(add, second.command.add("p2", { title: "Bread" }));
  const { outcomes, records } = await push([sent], null, 2);
  expect(outcomes).toMatchObject([{ outcome: "recorded", dropped: ["add.weight", "add.place.floor"] }]);
  expect(records[0]?.events[0]?.data).toEqual({ title: "Milk", place: { street: "High Street" } });
  expect((await push([sent], null, 2)).outcomes).not.toMatchObject([{ dropped: ["add.weight"] }]);
});

test("P9 push: the outcome names no keys for a page of the same release, or if none is dropped", async () => {
  const same = ada("first");
  const extra = { ...old, input: { title: "Milk", extra: 1 } };
  expect((await same.push([same.commit(extra)], null, 1)).outcomes[0]).not.toHaveProperty("dropped");
  const newer = ada("first");
  expect((await newer.push([newer.commit(old)], null, 2)).outcomes[0]).not.toHaveProperty("dropped");
});

test("P9 push: an outcome names at most 20 dropped keys, and cuts long ones", async () => {
  const { commit, push } = ada("first");
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`${n}${"k".repeat(1_000)}`, n]));
  const sent = commit({ ...old, input: { title: "Milk", ...many } });
  const [outcome] = (await push([sent], null, 2)).outcomes;
  const dropped = outcome?.outcome === "recorded" ? (outcome.dropped ?? []) : [];
  expect(dropped).toHaveLength(20);
  expect(dropped.every((key) => key.length <= 256)).toBe(true);
});

test("P25 parsePage: an answer of a server that reports no domain can be read", () => {
  const page = `"after":null,"records":[],"cursor":null,"head":0,"more":false`;
  expect(parsePage(`{${page}}`)).toMatchObject({ ok: true });
  expect(parsePushAnswer(`{"outcomes":[],${page}}`)).toMatchObject({ ok: true });
});

import type { CommandRequest, DomainEvent, Json } from "dacapo";
import type { RejectedCommit } from "dacapo/client";
import { expect, test } from "vitest";
import { commitsOf, refusalsOf, seenVersion } from "../../../demo/board/ui/refusals/refusal.ts";

const theirs = (type: string, data: Json, version: number): DomainEvent => ({
  id: `t:${version}`,
  type,
  data,
  aggregate: "card",
  stream: "card/c1",
  version,
  position: version,
  time: 1,
  actor: "Ada",
  client: "a",
  meta: null,
  correlation: "t",
});
const renamed = theirs("CardRenamed", { title: "Oat milk" }, 3);
const command = (name: string, input: Json): CommandRequest => ({ stream: "card/c1", name, v: 1, input });
const rejection = (
  commit: string,
  commands: readonly CommandRequest[],
  first: readonly DomainEvent[] = [renamed],
): RejectedCommit => ({
  commit,
  commands,
  code: "renamed-meanwhile",
  message: "Ada renamed it",
  command: 0,
  theirs: first,
  rejectedAt: 1,
  retry: async () => ({ commit }),
  discard: async () => {},
});
const rename = (title: string) => [command("rename", { title })];

test("refusalsOf: several renames of one card are one choice, with the newest title last", () => {
  const [only, ...others] = refusalsOf([rejection("1", rename("Soy")), rejection("2", rename("Rice"))]);
  expect(others).toEqual([]);
  expect(only && commitsOf(only).map(({ commit }) => commit)).toEqual(["1", "2"]);
  expect(only?.refused.input).toEqual({ title: "Rice" });
});

test("refusalsOf: a title and a description of one card are two choices", () => {
  const described = theirs("CardDescribed", { description: "One" }, 4);
  const refusals = refusalsOf([
    rejection("1", rename("Soy")),
    rejection("2", [command("describe", { description: "Two" })], [renamed, described]),
  ]);
  expect(refusals.map(({ text }) => text?.name)).toEqual(["title", "description"]);
});

test("refusalsOf: a refusal for another reason, or of several commands, is no choice of texts", () => {
  const refusals = refusalsOf([
    rejection("1", rename("Soy"), [theirs("CardArchived", {}, 3)]),
    rejection("2", [...rename("Soy"), command("complete", null)]),
    rejection("3", rename("Soy"), []),
    rejection("4", []),
  ]);
  expect(refusals.map(({ key, text }) => [key, text])).toEqual([
    ["1", null],
    ["2", null],
    ["3", null],
  ]);
});

test("seenVersion: the person saw the version before the first change of the other person", () => {
  const [first] = refusalsOf([
    rejection("1", rename("Soy"), [
      { ...renamed, version: 5 },
      { ...renamed, version: 6 },
    ]),
  ]);
  expect(first && seenVersion(first)).toBe(4);
  const [none] = refusalsOf([rejection("1", rename("Soy"), [])]);
  expect(none && seenVersion(none)).toBeNull();
});

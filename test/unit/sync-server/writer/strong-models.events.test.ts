// The events that a strong model gets from the decision of a commit, beside those that a rebuild reads from the log.
import * as v from "valibot";
import { expect, test } from "vitest";
import { aggregate, defineDomain, projection } from "dacapo";
import { bearer } from "../../../../src/sync-server/access/authorize.ts";
import { strong, syncServer } from "../../../../src/sync-server/app.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { user } from "../../../support/names-domain.ts";
import { person, tokens } from "../../../support/sync-requests.ts";

const DAY_MS = 86_400_000;

const team = aggregate("team", {
  version: 1,
  initial: 0,
  events: { MemberCounted: v.object({}) },
  evolve: { MemberCounted: (count) => count + 1 },
  commands: { count: { decide: (_, __, { emit }) => emit("MemberCounted", {}) } },
});

const textOf = (_: string, event: object): string => JSON.stringify(event);

/** A row for each event of a user: all that its handler gets. */
const everything = projection("everything", {
  version: 1,
  from: [user],
  initial: "",
  key: ({ id }) => id,
  on: { UserNamed: textOf, UserLeft: textOf },
});

test("strong: a handler gets each event with the same fields as when the rows are built again", async () => {
  const server = syncServer({
    domain: defineDomain({ version: 1, aggregates: [user, team] }),
    store: memory(),
    authorize: bearer({ tokens }),
    models: [strong(everything)],
  });
  const log = server.log("board");
  const cause = { id: `${crypto.randomUUID()}:0`, correlation: crypto.randomUUID() };
  const many = [
    user.command.name("u1", { name: "neo" }),
    team.command.count("t1"),
    user.command.name("u2", { name: "tank" }),
    user.command.leave("u1"),
  ];
  await log.execute(many, { meta: { from: ["a form"] }, causedBy: cause, actor: "bob" });
  const ada = person(server, "ada");
  // A clock that is wrong by a day: the server clamps the time.
  const early = { ...ada.commit(user.command.name("u1", { name: "trinity" })), time: Date.now() + DAY_MS };
  expect(await ada.outcomes(early, ada.commit(user.command.leave("u2")))).toMatchObject([
    { outcome: "recorded" },
    { outcome: "recorded" },
  ]);
  const { rows } = await log.rows(everything, { waitMs: 0 });
  expect(rows).toHaveLength(5);
  const built = await log.models.replayIntoScratch(everything);
  expect(rows.map(({ key, row }) => [key, row])).toEqual(built.rows.map(({ key, row }) => [key, row]));
  await server.close();
});

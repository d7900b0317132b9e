// The texts of a schema's issues come from the app too: a broken one rejects the commit, and is no bug of Dacapo.
import { expect, test } from "vitest";
import { aggregate, defineDomain } from "dacapo";
import { person, testServer } from "../../../support/sync-requests.ts";

/** A schema of a JavaScript user, whose issues are what no type allows. */
const schema = (validate: (value: unknown) => unknown) =>
  ({ "~standard": { version: 1 as const, vendor: "own", validate } }) as never;

test.each([
  ["a message without a text", { issues: [{ message: Object.create(null) as unknown }] }],
  ["a message that is a symbol", { issues: [{ message: Symbol("m") }] }],
  ["a path key without a text", { issues: [{ message: "bad", path: [{ key: Object.create(null) as unknown }] }] }],
])("prepareCommand: a schema that refuses with %s rejects the commit", async (_, refusal) => {
  const thing = aggregate("thing", {
    version: 1,
    initial: 0,
    events: { Done: schema((value) => ({ value })) },
    evolve: { Done: (n: number) => n + 1 },
    commands: { do: { input: schema(() => refusal), decide: () => [] } },
  });
  const reported: unknown[] = [];
  const server = testServer({
    domain: defineDomain({ version: 1, aggregates: [thing], projections: [] }),
    onError: (error) => reported.push(error),
  });
  const ada = person(server, "ada");
  const [outcome] = await ada.outcomes(ada.commit({ stream: "thing/a", name: "do", v: 1, input: { x: 1 } }));
  expect(outcome).toMatchObject({ outcome: "rejected" });
  expect(reported).toEqual([]);
});

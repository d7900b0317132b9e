// An async handler of a read model, on a device and on a server: its row would be a promise, so nothing is stored.
import { afterEach, expect, test } from "vitest";
import { defineDomain, projection } from "dacapo";
import { sqlModel, strong } from "../../../../src/sync-server/app.ts";
import { device, until } from "../../../support/device.ts";
import { namesDomain, user } from "../../../support/names-domain.ts";
import { runningServer } from "../../../support/running-server.ts";

const { start, stopAll } = runningServer();
afterEach(stopAll);

/** TypeScript refuses an async handler, but a program without types has none to refuse it. */
const later = (): never => Promise.reject(new Error("offline")) as never;
const call = (id: string, name: string) => user.command.name(id, { name });

const options = { version: 1, from: [user], initial: null as string | null };
const profiles = projection("profiles", { ...options, on: { UserNamed: later, UserLeft: () => null } });
const badges = sqlModel("badges", {
  version: 1,
  from: [user],
  tables: { badge: (t) => `create table ${t} (id text primary key)` },
  on: { UserNamed: later },
});

test("models: an event of an async handler is parked with the reason, and no row is stored", async () => {
  const { server } = await start({ domain: namesDomain, models: [profiles, badges] });
  const log = server.log("board");
  const { at } = await log.execute(call("u1", "neo"));
  expect(await log.rows(profiles, { at })).toMatchObject({ rows: [], parked: 1 });
  expect(await log.query(badges, (t) => `select id from ${t.badge}`, [], { at })).toMatchObject({
    rows: [],
    parked: 1,
  });
  for (const [model, what] of [
    [profiles, "handler of projection profiles for UserNamed returned a promise"],
    [badges, "handler of the SQL model badges returned a promise"],
  ] as const)
    expect((await log.models.parked(model)).map(({ reason }) => reason)).toEqual([expect.stringContaining(what)]);
});

test.each([profiles, badges])("strong: a commit for an async handler of $name is rejected alone", async (model) => {
  const errors: unknown[] = [];
  const { person } = await start({
    domain: namesDomain,
    models: [strong(model)],
    onError: (error) => errors.push(error),
  });
  const ada = person("ada");
  const outcomes = await ada.outcomes(ada.commit(call("u1", "neo")), ada.commit(user.command.leave("u1")));
  expect(outcomes).toMatchObject([{ outcome: "rejected", code: "model-failed" }, { outcome: "empty" }]);
  expect(errors).toMatchObject([{ details: { model: model.name } }]);
  expect(String((errors[0] as Error).cause)).toContain("returned a promise");
});

test("projection: a device parks the event of an async handler, and its other work continues", async () => {
  const onDevices = defineDomain({ version: 1, aggregates: [user], projections: [profiles] });
  const server = await start({ domain: namesDomain });
  const tab = await device(onDevices, "board", "ada").open({
    url: server.url,
    token: () => Promise.resolve("token-of-ada"),
  });
  await tab.execute([call("u1", "neo")]);
  await until(() => tab.status().pending === 0 && tab.status().head === 1, "the record");
  expect([...tab.rows("profiles")]).toEqual([]);
  expect(tab.status().parked.events).toMatchObject([
    { projection: "profiles", reason: expect.stringContaining("returned a promise") as string },
  ]);
  await tab.close();
});

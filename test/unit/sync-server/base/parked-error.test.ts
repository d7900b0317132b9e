// `onError` hears of each event that the server sets aside, once for each page of the log.
import { afterEach, expect, test } from "vitest";
import { type DacapoError, projection } from "dacapo";
import { processManager, sqlModel, strong, subscriber } from "../../../../src/sync-server/app.ts";
import { until } from "../../../support/device.ts";
import { names, namesDomain, user } from "../../../support/names-domain.ts";
import { runningServer } from "../../../support/running-server.ts";

const { start, stopAll } = runningServer();
afterEach(stopAll);

const fail = (): never => {
  throw new Error("broken");
};
const options = { version: 1, from: [user], initial: null as string | null };
const profiles = projection("profiles", { ...options, on: { UserNamed: fail, UserLeft: () => null } });
const badges = sqlModel("badges", {
  version: 1,
  from: [user],
  tables: { badge: (t) => `create table ${t} (id text primary key)` },
  on: { UserNamed: fail },
});
const call = (id: string) => user.command.name(id, { name: id });

async function watched(more: NonNullable<Parameters<typeof start>[0]>) {
  const errors: DacapoError[] = [];
  const { server } = await start({
    domain: namesDomain,
    onError: (error) => errors.push(error as DacapoError),
    ...more,
  });
  return { log: server.log("board"), errors };
}
const countOf = (errors: readonly DacapoError[]): number =>
  errors.reduce((sum, { details }) => sum + Number(details["count"]), 0);

test.each([profiles, badges])("parked: onError hears once for each page of what $name parked", async (model) => {
  const { log, errors } = await watched({ models: [model] });
  const ids = Array.from({ length: 600 }, (_, n) => `u${n}`);
  for (let n = 0; n < ids.length; n += 50) await log.execute(ids.slice(n, n + 50).map(call));
  await until(async () => (await log.models.status(model)).parked === 600, "the parked events");
  expect(countOf(errors)).toBe(600);
  expect(errors.length).toBeLessThanOrEqual(12);
  expect(errors[0]).toMatchObject({
    code: "parked",
    retry: "after-fix",
    message: expect.stringMatching(
      new RegExp(`^The read model ${model.name} of the log board parked .* of user/u0 at position 1: Error: broken$`),
    ) as string,
    fix: expect.stringContaining('`retry` or `rebuild` of `server.log("board").models`') as string,
    details: { log: "board", model: model.name, stream: "user/u0", position: 1, reason: "Error: broken" },
  });
  const before = errors.length;
  // A comparison parks the same events, in rows that nobody reads.
  await log.models.verify(model);
  expect(errors).toHaveLength(before);
  await (await log.models.rebuild(model)).finished();
  expect(countOf(errors.slice(before))).toBe(600);
});

test("parked: onError hears of a strong model that parks, after the commit is recorded", async () => {
  const { log, errors } = await watched({ models: [strong(profiles, { onError: "park" })] });
  await log.execute([call("u1"), call("u2")]);
  expect(errors).toMatchObject([{ code: "parked", details: { model: "profiles", count: 2, stream: "user/u1" } }]);
});

test("parked: onError of a model without `strong` says that its veto came too late", async () => {
  const { log, errors } = await watched({ models: [names] });
  await log.execute([call("u1"), user.command.name("u2", { name: "u1" })]);
  await until(() => errors.length === 1, "the parked event");
  expect(errors).toMatchObject([
    {
      message: expect.stringContaining("RejectedError: This name is taken") as string,
      fix: "The log has the commit already, so correct it by a command. Only `strong(names)` refuses commits.",
    },
  ]);
});

test("parked: onError hears of a subscriber, with the error of its handler as the cause", async () => {
  const mailer = subscriber("mailer", {
    from: [user],
    start: "beginning",
    retry: { attempts: 1 },
    on: { UserNamed: fail },
  });
  const { log, errors } = await watched({ subscribers: [mailer] });
  await log.execute(call("u1"));
  await until(() => errors.length > 0, "the report");
  expect(errors).toMatchObject([
    {
      code: "parked",
      message: expect.stringMatching(
        /^The subscriber mailer of the log board parked the event .* at position 1: /,
      ) as string,
      fix: expect.stringContaining("`retry` or `skip`") as string,
      details: { subscriber: "mailer", stream: "user/u1", position: 1, reason: "Error: broken" },
      cause: { message: "broken" },
    },
  ]);
});

test("parked: onError hears of a process manager whose key function or handler throws", async () => {
  const base = { version: 1, from: [user], start: "beginning", initial: null as string | null } as const;
  const byKey = processManager("by-key", { ...base, key: fail, on: { UserNamed: () => "" } });
  const byHandler = processManager("by-handler", { ...base, on: { UserNamed: fail } });
  const { log, errors } = await watched({ subscribers: [byKey, byHandler] });
  await log.execute([call("u1"), call("u2")]);
  await until(() => errors.length === 2, "the reports");
  for (const process of ["by-key", "by-handler"])
    expect(errors).toContainEqual(
      expect.objectContaining({
        code: "parked",
        details: expect.objectContaining({ process, count: 2, stream: "user/u1", position: 1 }) as unknown,
      }),
    );
});

// Strong read models of a real server on a SQLite file: of two commits that want one name, the server records one.
import { afterEach, expect, test } from "vitest";
import { strong } from "../../../../src/sync-server/app.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { storeThrough } from "../../../../src/testing/event-store/connections.ts";
import { device, until } from "../../../support/device.ts";
import { BREAKS, eventCounts, names, namesDomain, namesOnDevices, user } from "../../../support/names-domain.ts";
import { runningServer } from "../../../support/running-server.ts";

const { start, stopAll } = runningServer();
afterEach(stopAll);

const release = { domain: namesDomain, models: [eventCounts, strong(names)] };
const call = (id: string, name: string) => user.command.name(id, { name });
const TAKEN = { outcome: "rejected", code: "name-taken", message: "This name is taken", command: 0 };

test("strong: of two devices that take one name at the same time, one gets it", async () => {
  const server = await start(release);
  const open = (who: string) =>
    device(namesOnDevices, "board", who).open({ url: server.url, token: () => Promise.resolve(`token-of-${who}`) });
  const tabs = await Promise.all(["ada", "bob"].map(open));
  await Promise.all(tabs.map((tab, n) => tab.execute([call(`u${n}`, "neo")])));
  await until(() => tabs.every((tab) => tab.status().pending === 0), "the decisions of the server");
  await until(() => tabs.every((tab) => tab.status().head === 1), "the record on both devices");
  const rejections = tabs.map((tab) => (tab.update().rejections ?? []).map(({ code }) => code));
  expect(rejections.toSorted((left, right) => left.length - right.length)).toEqual([[], ["name-taken"]]);
  const winner = rejections[0]?.length === 0 ? "user/u0" : "user/u1";
  const { rows } = await server.server.log("board").rows(names);
  expect(rows).toEqual([{ key: "neo", row: { user: winner } }]);
  for (const tab of tabs) expect([...tab.rows("names").values()].map(({ row }) => row)).toEqual([{ user: winner }]);
  await Promise.all(tabs.map((tab) => tab.close()));
});

test("strong: its rows cannot be purged, so the rule holds, and a rebuild keeps it", async () => {
  const log = (await start(release)).server.log("board");
  await log.execute(call("u1", "neo"));
  await expect(log.models.purge(names)).rejects.toMatchObject({
    code: "invalid",
    message: expect.stringContaining("the model names is strong") as unknown,
    fix: expect.stringContaining("Use `rebuild`") as unknown,
  });
  const taken = { code: "rejected", details: { code: "name-taken" } };
  await expect(log.execute(call("u2", "neo"))).rejects.toMatchObject(taken);
  const job = await log.models.rebuild(names);
  await job.pause();
  await expect(log.execute(call("u2", "neo"))).rejects.toMatchObject(taken);
  await job.resume();
  await job.finished();
  await expect(log.execute(call("u2", "neo"))).rejects.toMatchObject(taken);
  await log.rows(eventCounts);
  await log.models.purge(eventCounts);
});

test("strong: of two commits in one push, the second is rejected, and the third is recorded", async () => {
  const ada = (await start(release)).person("ada");
  const commits = [ada.commit(call("u1", "neo")), ada.commit(call("u2", "neo")), ada.commit(call("u3", "trinity"))];
  const { outcomes, records } = await ada.push(commits);
  expect(outcomes).toMatchObject([{ outcome: "recorded" }, TAKEN, { outcome: "recorded" }]);
  expect(records.map(({ position, events }) => [position, events[0]?.stream])).toEqual([
    [1, "user/u1"],
    [2, "user/u3"],
  ]);
  // A repeated push has the same outcomes.
  expect(await ada.outcomes(...commits)).toEqual(outcomes);
});

test("strong: a commit is rejected whole, and the outcome names the command", async () => {
  const server = await start({ ...release, models: [strong(names), strong(eventCounts)] });
  const ada = server.person("ada");
  await ada.push([ada.commit(call("u1", "neo"))]);
  const several = ada.commit(call("u2", "morpheus"), call("u3", "tank"), call("u4", "neo"));
  expect(await ada.outcomes(several, ada.commit(call("u5", "tank")))).toMatchObject([
    { ...TAKEN, command: 2 },
    { outcome: "recorded" },
  ]);
  const log = server.server.log("board");
  expect((await log.rows(names)).rows.map(({ key, row }) => [key, row.user])).toEqual([
    ["neo", "user/u1"],
    ["tank", "user/u5"],
  ]);
  expect((await log.rows(eventCounts)).rows).toEqual([
    { key: "user/u1", row: 1 },
    { key: "user/u5", row: 1 },
  ]);
});

test("strong: rows contain an answered append, and a free name can be taken again", async () => {
  const server = await start(release);
  const log = server.server.log("board");
  const { at } = await log.execute(call("u1", "neo"));
  expect(await log.rows(names, { at, waitMs: 0 })).toMatchObject({ at, rows: [{ key: "neo" }] });
  await expect(log.execute(call("u2", "neo"))).rejects.toMatchObject({
    code: "rejected",
    details: { code: "name-taken" },
  });
  await log.execute(user.command.leave("u1"));
  const taken = await log.execute(call("u2", "neo"));
  expect((await log.rows(names, { at: taken.at, waitMs: 0 })).rows).toEqual([{ key: "neo", row: { user: "user/u2" } }]);
});

test("strong: two nodes on one file record each name once", async () => {
  const one = await start(release);
  const two = await start({ ...release, file: one.file });
  const [ada, bob] = [one.person("ada"), two.person("bob")];
  const taken = Array.from({ length: 20 }, (_, n) => `name${n}`);
  const outcomes = await Promise.all(
    taken.flatMap((name, n) => [
      ada.outcomes(ada.commit(call(`a${n}`, name))),
      bob.outcomes(bob.commit(call(`b${n}`, name))),
    ]),
  );
  const recorded = outcomes.flat().filter(({ outcome }) => outcome === "recorded");
  const rejected = outcomes.flat().filter((one) => one.outcome === "rejected" && one.code === "name-taken");
  expect([recorded.length, rejected.length]).toEqual([20, 20]);
  const { rows, parked } = await one.server.log("board").rows(names);
  expect([rows.length, parked]).toEqual([20, 0]);
});

test("strong: a row that was deleted before its stream began stays absent, on each node", async () => {
  const models = [strong(eventCounts)];
  const one = await start({ domain: namesDomain, models });
  const two = await start({ domain: namesDomain, models, file: one.file });
  const [log, other] = [one.server.log("board"), two.server.log("board")];
  const keys = async () => (await log.rows(eventCounts)).rows.map(({ key }) => key);
  await log.execute(call("u1", "neo"));
  await other.models.delete(eventCounts, "user/u2");
  // The first commit finds that the rows moved. The second begins with their new notes.
  for (const id of ["u2", "u3"]) await log.execute(call(id, id));
  await other.models.delete(eventCounts, "user/u4");
  for (const id of ["u4", "u5"]) await other.execute(call(id, id));
  expect(await keys()).toEqual(["user/u1", "user/u3", "user/u5"]);
  await (await log.models.rebuild(eventCounts)).finished();
  expect(await keys()).toEqual([1, 2, 3, 4, 5].map((n) => `user/u${n}`));
});

test("strong: a row that is deleted during a rebuild stays absent after it", async () => {
  const { server } = await start({ domain: namesDomain, models: [strong(eventCounts)] });
  const log = server.log("board");
  for (let n = 0; n < 1_200; n += 100)
    await Promise.all(Array.from({ length: 100 }, (_, k) => log.execute(call(`u${n + k}`, "a"))));
  const job = await log.models.rebuild(eventCounts, { duty: 0.1 });
  await log.models.delete(eventCounts, "user/new");
  expect((await job.finished()).phase).toBe("done");
  await log.execute(call("new", "a"));
  expect((await log.rows(eventCounts, { keys: ["user/new"] })).rows).toEqual([]);
});

test("strong: a restarted server knows the names, and a built model checks commits", async () => {
  const old = await start({ domain: namesDomain });
  const ada = old.person("ada");
  await ada.push([ada.commit(call("u1", "neo")), ada.commit(call("u2", "neo")), ada.commit(call("u3", "tank"))]);
  await old.close();
  for (let restart = 0; restart < 2; restart++) {
    const server = await start({ ...release, file: old.file });
    const log = server.server.log("board");
    // The second `neo` of the old release is in the log, so the model parks it.
    expect(await log.rows(names)).toMatchObject({ parked: 1, rows: [{ key: "neo" }, { key: "tank" }] });
    await expect(log.execute(call(`v${restart}`, "neo"))).rejects.toMatchObject({ details: { code: "name-taken" } });
    await server.close();
  }
});

test("strong: what an old release appends is folded before the next commit is decided", async () => {
  const server = await start({ ...release, limits: { lookMs: 600_000 } });
  const old = await start({ domain: namesDomain, file: server.file });
  const log = server.server.log("board");
  await log.execute(call("u1", "neo"));
  const bob = old.person("bob");
  for (let n = 0; n < 30; n++) await bob.push([bob.commit(call(`b${n}`, n === 7 ? "neo" : `name${n}`))]);
  await expect(log.execute(call("u2", "name29"))).rejects.toMatchObject({ details: { code: "name-taken" } });
  await log.execute(call("u2", "trinity"));
  const { rows, parked } = await log.rows(names);
  expect([rows.length, parked]).toEqual([31, 1]);
  expect(rows.find(({ key }) => key === "neo")?.row).toEqual({ user: "user/u1" });
});

test("strong: untilReady refuses commits with 503 until the rows are built", async () => {
  const old = await start({ domain: namesDomain });
  const ada = old.person("ada");
  await ada.push([ada.commit(call("u1", "neo"))]);
  await old.close();
  const file = sqlite(old.file);
  const store = storeThrough(
    (call) => call(file),
    () => file.close(),
  );
  const { models } = store;
  if (!models) throw new Error("The store keeps no models");
  let isHeld = true;
  const write: typeof models.write = (log, change) =>
    isHeld ? Promise.reject(new Error("not yet")) : models.write(log, change);
  const server = await start({
    domain: namesDomain,
    models: [strong(names, { untilReady: "refuse" })],
    store: { ...store, models: { ...models, write } },
    onError: () => {},
  });
  const bob = server.person("bob");
  const commit = bob.commit(call("u2", "neo"));
  const refused = await bob.request("commits", { after: null, domain: 1, commits: [commit] });
  expect([refused.status, await refused.json()]).toMatchObject([503, { error: { code: "unavailable" } }]);
  isHeld = false;
  await until(
    async () => (await bob.request("commits", { after: null, domain: 1, commits: [commit] })).status === 200,
    "the rows",
  );
  expect(await bob.outcomes(commit)).toMatchObject([TAKEN]);
});

test("strong: a handler that throws rejects its commit alone, and the error is reported", async () => {
  const errors: unknown[] = [];
  const server = await start({ ...release, onError: (error) => errors.push(error) });
  const ada = server.person("ada");
  const outcomes = await ada.outcomes(ada.commit(call("u1", BREAKS)), ada.commit(call("u2", "neo")));
  expect(outcomes).toMatchObject([{ outcome: "rejected", code: "model-failed" }, { outcome: "recorded" }]);
  expect(errors).toMatchObject([{ details: { model: "names", stream: "user/u1", log: "board" } }]);
});

test("strong: onError park records the commit and parks its event, but a veto rejects", async () => {
  const server = await start({ ...release, models: [strong(names, { onError: "park" })] });
  const ada = server.person("ada");
  const commits = [call("u1", BREAKS), call("u2", "neo"), call("u3", "neo")].map((one) => ada.commit(one));
  expect(await ada.outcomes(...commits)).toMatchObject([{ outcome: "recorded" }, { outcome: "recorded" }, TAKEN]);
  expect(await server.server.log("board").rows(names)).toMatchObject({ parked: 1, rows: [{ key: "neo" }] });
});

test("strong: a wrong option is refused when the server starts", () => {
  // @ts-expect-error the option has other values
  expect(() => strong(names, { onError: "ignore" })).toThrow('The option `onError` of strong() is "ignore"');
});

// Pages and servers of different releases, and a restored server: what the status and the rejections show of it.
import { copyFile, rm } from "node:fs/promises";
import { afterEach, describe, expect, test } from "vitest";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import type { CommandRequest } from "../../../../src/core/domain/definition.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { type Device, device, type Tab, until } from "../../../support/device.ts";
import { first, releases, second, third } from "../../../support/release-domain.ts";
import { startServer, temporaryFolder } from "../../../support/server.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end().catch(() => {});
});
const server = async (release: keyof typeof releases) => {
  const running = await startServer({ domain: releases[release] });
  ends.push(running.close);
  return running.url;
};
const open = async (of: Device, release: keyof typeof releases, url?: string) => {
  const tab = await of.open({ release: releases[release], ...(url !== undefined && { url }) });
  ends.push(tab.close);
  return tab;
};
const ada = () => device(releases.first, "post", "ada");
const execute = async (tab: Tab, ...commands: CommandRequest[]) => unwrap(await tab.execute(commands)).commit;
const settled = async (tab: Tab, commit: string) => unwrap(await tab.api.settled(commit)).settled;
const isLive = (tab: Tab) => until(() => tab.status().connection === "live", "the tab is live");
const old = first.command.add("p1", { title: "Milk" });

describe("a page and a server of different releases", () => {
  test("status: outdated is true while the server has a newer release than the page", async () => {
    const url = await server("third");
    const page = await open(ada(), "first", url);
    expect(page.status().outdated).toBe(false);
    await isLive(page);
    expect(page.status()).toMatchObject({ outdated: true, error: null });
    const newest = await open(ada(), "third", url);
    await isLive(newest);
    expect(newest.status().outdated).toBe(false);
  });

  test("status: outdated is false for a page that is newer than the server", async () => {
    const page = await open(ada(), "second", await server("first"));
    await isLive(page);
    expect(page.status().outdated).toBe(false);
  });

  test("status: outdated is true in a tab that follows, if the server or another tab is newer", async () => {
    const device1 = ada();
    const url = await server("third");
    const leader = await open(device1, "first", url);
    await isLive(leader);
    const follower = await open(device1, "first", url);
    await until(() => follower.status().outdated, "the follower knows it from the leader");
    expect(follower.status().leader).toBe(false);

    const device2 = ada();
    const newer = await open(device2, "second");
    await until(() => newer.status().leader, "the newer tab leads");
    const older = await open(device2, "first");
    await until(() => older.status().outdated, "the older tab knows it from the newer");
    expect(newer.status().outdated).toBe(false);
  });

  test("rejections: work of an outdated page is kept, and the newest page retries it changed", async () => {
    const url = await server("third");
    const adas = ada();
    const page = await open(adas, "first", url);
    await isLive(page);
    const commit = await execute(page, old);
    expect(await settled(page, commit)).toMatchObject({ outcome: "rejected", code: "outdated" });
    expect(page.update().rejections).toMatchObject([
      { commit, code: "outdated", commands: [{ input: { title: "Milk" } }] },
    ]);
    await page.close();

    const newest = await open(adas, "third", url);
    expect(newest.update().rejections).toMatchObject([{ commit, code: "outdated" }]);
    const again = unwrap(
      await newest.execute([third.command.add("p1", { title: "Milk", weight: 1 })], null, commit),
    ).commit;
    expect(await settled(newest, again)).toMatchObject({ outcome: "accepted" });
    expect(newest.update().rejections).toEqual([]);
    expect(newest.rows("parcels").get("parcel/p1")?.row).toEqual({ title: "Milk" });
  });

  test("rejections: work of an older release that the newest page pushes is outdated too", async () => {
    const adas = ada();
    const page = await open(adas, "first");
    // Closed before a log without a server confirms the commit.
    const commit = await execute(page, old);
    await page.close();
    const newest = await open(adas, "third", await server("third"));
    expect(newest.status().doubtful).toMatchObject([{ commit, code: "outdated" }]);
    expect(await settled(newest, commit)).toMatchObject({ outcome: "rejected", code: "outdated" });
  });

  test("settled: names the keys of the input that an older server dropped, also after a reload", async () => {
    const adas = ada();
    const url = await server("first");
    const page = await open(adas, "second", url);
    const commit = await execute(page, second.command.add("p1", { title: "Milk", weight: 2 }));
    const dropped = { outcome: "rebased", dropped: ["add.weight"] };
    expect(await settled(page, commit)).toMatchObject(dropped);
    await page.close();
    expect(await settled(await open(adas, "second", url), commit)).toMatchObject(dropped);
  });
});

describe("a server that was restored from a backup", () => {
  /** Ada's three parcels are recorded after the backup, and the restored server has a parcel of Ben instead. */
  const restored = async (tabs: number, rejectsLast: boolean) => {
    const folder = await temporaryFolder();
    ends.push(folder.remove);
    const [file, backup] = [folder.path("logs.db"), folder.path("backup.db")];
    let running = await startServer({ domain: releases.first, store: sqlite(file) });
    const { url, port } = running;
    const adas = ada();
    const opened: Tab[] = [];
    for (let n = 0; n < tabs; n++) opened.push(await open(adas, "first", url));
    const [tab] = opened;
    if (!tab) throw new Error("No tab is open");
    await settled(tab, await execute(tab, old));
    await running.close();
    await copyFile(file, backup);
    running = await startServer({ domain: releases.first, store: sqlite(file), port });
    for (const id of ["p2", "p3", "p4"]) await settled(tab, await execute(tab, first.command.add(id, { title: id })));
    for (const one of opened) await until(() => one.status().position === 4, "each tab has all");
    expect(opened.map((one) => one.status().sentAgain)).toEqual(opened.map(() => null));
    await running.close();
    await copyFile(backup, file);
    for (const suffix of ["-wal", "-shm"]) await rm(`${file}${suffix}`, { force: true });
    running = await startServer({
      domain: releases.first,
      store: sqlite(file),
      port,
      permit: (_, request) => !(rejectsLast && request.action === "record" && request.stream === "parcel/p4"),
    });
    ends.push(() => running.close());
    return { adas, url, opened, tab };
  };
  const done = (tab: Tab) =>
    until(() => tab.status().pending === 0 && tab.status().sentAgain !== null, "all sent again");

  test("status: sentAgain counts what a restored server lost, and what became of it", async () => {
    const since = Date.now();
    const { tab, adas, url } = await restored(1, true);
    await done(tab);
    expect(tab.status().sentAgain).toMatchObject({ position: 1, commits: 3, accepted: 2, rebased: 0, rejected: 1 });
    expect(tab.status().sentAgain?.at).toBeGreaterThanOrEqual(since);
    expect(tab.update().rejections).toMatchObject([{ code: "forbidden" }]);
    unwrap(tab.api.acknowledge());
    await until(() => tab.status().sentAgain === null, "it was acknowledged");
    await tab.close();
    expect((await open(adas, "first", url)).status().sentAgain).toBeNull();
  });

  test("status: sentAgain shows in each tab, and ends with a reload", async () => {
    const { opened, adas, url } = await restored(2, true);
    for (const tab of opened) await done(tab);
    await until(
      () => opened.every((tab) => tab.status().sentAgain?.rejected === 1 && tab.status().sentAgain?.accepted === 2),
      "both tabs count the same",
    );
    const [leader, follower] = opened;
    if (leader) unwrap(leader.api.acknowledge());
    await until(() => leader?.status().sentAgain === null, "one tab acknowledged it");
    expect(follower?.status().sentAgain).not.toBeNull();
    expect((await open(adas, "first", url)).status().sentAgain).toBeNull();
  });

  test("status: sentAgain stays null if the right to read ends and returns", async () => {
    let mayRead = true;
    const running = await startServer({ domain: releases.first, permit: () => mayRead });
    ends.push(running.close);
    const tab = await open(ada(), "first", running.url);
    await settled(tab, await execute(tab, old));
    mayRead = false;
    tab.api.lifecycle("visible");
    await until(() => tab.status().connection === "stopped", "syncing stopped");
    expect(tab.status()).toMatchObject({ error: { code: "forbidden" }, position: 0, sentAgain: null });
    mayRead = true;
    tab.api.lifecycle("visible");
    await until(() => tab.status().position === 1, "the log is there again");
    expect(tab.status()).toMatchObject({ sentAgain: null, pending: 0 });
  });
});

import { afterEach, expect, test } from "vitest";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { device, type Tab, until } from "../../../support/device.ts";
import { startServer } from "../../../support/server.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const opened = async (tab: Promise<Tab>) => {
  const one = await tab;
  ends.push(one.close);
  return one;
};

test("setPaused: a paused tab leaves syncing to another tab, and takes part again when resumed", async () => {
  const server = await startServer();
  ends.push(server.close);
  const ada = device(domain, "team", "ada");
  const first = await opened(ada.open({ url: server.url }));
  await until(() => first.status().connection === "live", "the first tab leads");
  const second = await opened(ada.open({ url: server.url }));
  await until(() => second.status().connection === "following", "the second follows");
  first.api.setPaused(true);
  const { commit } = unwrap(
    await second.execute([task.command.add("t1", { title: "Milk", column: "todo" })], null, null),
  );
  expect(unwrap(await second.api.settled(commit)).settled.outcome).toBe("accepted");
  expect(second.status()).toMatchObject({ leader: true });
  await until(() => first.rows(board.name).get("task/t1")?.pending === false, "the first shows it confirmed");
  expect(first.status()).toMatchObject({ leader: false, connection: "paused" });
  first.api.setPaused(false);
  await until(
    () => first.status().connection === "following" || first.status().connection === "live",
    "the first takes part again",
  );
});

test("status: a tab that follows reports that the leader is offline", async () => {
  const server = await startServer();
  const ada = device(domain, "team", "ada");
  const first = await opened(ada.open({ url: server.url }));
  await until(() => first.status().connection === "live", "the first tab leads");
  const second = await opened(ada.open({ url: server.url }));
  await until(() => second.status().connection === "following", "the second follows");
  await server.close();
  await until(() => second.status().connection === "offline", "the second says so", 10_000);
  expect(second.status().lastSyncedAt).not.toBeNull();
}, 20_000);

test("status: no tab ever sends following together with leader, while the lead moves", async () => {
  const server = await startServer();
  ends.push(server.close);
  const ada = device(domain, "team", "ada");
  const first = await opened(ada.open({ url: server.url }));
  await until(() => first.status().connection === "live", "the first tab leads");
  const second = await opened(ada.open({ url: server.url }));
  for (let round = 0; round < 3; round++) {
    first.api.setPaused(true);
    await until(() => second.status().connection === "live", "the second leads");
    first.api.setPaused(false);
    second.api.setPaused(true);
    await until(() => first.status().connection === "live", "the first leads again");
    second.api.setPaused(false);
  }
  const sent = [...first.statuses, ...second.statuses];
  expect(sent.some(({ connection }) => connection === "following")).toBe(true);
  expect(sent.filter(({ connection, leader }) => leader && connection === "following")).toEqual([]);
}, 30_000);

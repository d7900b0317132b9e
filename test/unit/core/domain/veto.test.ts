// A veto on a device: the projection parks the pending event, and the server decides.
import { expect, test } from "vitest";
import { veto } from "dacapo";
import { device } from "../../../support/device.ts";
import { namesOnDevices, user } from "../../../support/names-domain.ts";

test("veto: throws a RejectedError with the app's own code", () => {
  expect(() => veto("name-taken", "This name is taken")).toThrow(
    expect.objectContaining({ code: "rejected", message: "This name is taken", details: { code: "name-taken" } }),
  );
});

test("veto: without texts, the error has a code and a message", () => {
  expect(() => veto()).toThrow(expect.objectContaining({ message: "rejected", details: { code: "rejected" } }));
  expect(() => veto("name-taken")).toThrow(
    expect.objectContaining({ message: "name-taken", details: { code: "name-taken" } }),
  );
});

test("veto: a device parks the pending event, and keeps the commit and the other rows", async () => {
  const tab = await device(namesOnDevices, "names", "ada").open();
  await tab.execute([user.command.name("u1", { name: "neo" })]);
  const second = await tab.execute([user.command.name("u2", { name: "neo" })]);
  expect(second).toMatchObject({ ok: true });
  await tab.execute([user.command.name("u3", { name: "tank" })]);
  expect([...tab.rows("names").values()].map(({ key, row }) => [key, row])).toEqual([
    ["neo", { user: "user/u1" }],
    ["tank", { user: "user/u3" }],
  ]);
  expect(tab.status()).toMatchObject({ pending: 3 });
  await tab.close();
});

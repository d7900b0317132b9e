// A row of a strong model that somebody damaged by hand: the operator learns which one it is, and how to fix it.
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import { strong } from "../../../../src/sync-server/app.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { containing } from "../../../support/matchers.ts";
import { names, namesDomain, user } from "../../../support/names-domain.ts";
import { runningServer } from "../../../support/running-server.ts";
import { temporaryFolder } from "../../../support/server.ts";

const { start, stopAll } = runningServer();
afterEach(stopAll);

test("strong: a damaged row rejects commits on it, is reported once, and a rebuild fixes it", async () => {
  const folder = await temporaryFolder();
  const file = folder.path("logs.db");
  const errors: unknown[] = [];
  const release = { domain: namesDomain, models: [strong(names)], onError: (error: unknown) => errors.push(error) };
  const first = await start({ ...release, store: sqlite(file) });
  await first.server.log("board").execute(user.command.name("u1", { name: "neo" }));
  await first.close();
  const database = new DatabaseSync(file);
  expect(database.prepare("update dacapo_rows set row = '{ broken' where key = 'neo'").run().changes).toBe(1);
  database.close();
  const { server } = await start({ ...release, store: sqlite(file) });
  const log = server.log("board");
  for (let n = 0; n < 3; n++)
    await expect(log.execute(user.command.name("u2", { name: "neo" }))).rejects.toMatchObject({
      details: { code: "model-failed" },
      message: containing("the stored row neo is no JSON. Rebuild the rows"),
    });
  // Other rows take commits.
  await log.execute(user.command.name("u3", { name: "trinity" }));
  await expect(log.execute(user.command.name("u2", { name: "neo" }))).rejects.toThrow("is no JSON");
  expect(errors).toMatchObject([
    {
      code: "storage-lost",
      fix: containing('models.rebuild("names")'),
      details: { model: "names", key: "neo", log: "board" },
    },
  ]);
  expect((await log.models.verify(names)).differences).toMatchObject([{ key: "neo", stored: "{ broken" }]);
  await (await log.models.rebuild(names)).finished();
  await expect(log.execute(user.command.name("u2", { name: "neo" }))).rejects.toMatchObject({
    details: { code: "name-taken" },
  });
  await log.execute(user.command.leave("u1"));
  await log.execute(user.command.name("u2", { name: "neo" }));
  expect(errors).toHaveLength(1);
  await folder.remove();
});

// A strong model whose rows are ahead of their log, because a part of the store was restored.
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import { strong } from "../../../../src/sync-server/app.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { names, namesDomain, user } from "../../../support/names-domain.ts";
import { temporaryFolder } from "../../../support/server.ts";
import { testServer } from "../../../support/sync-requests.ts";

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

test.each([1, 9])(
  "strong: rows of a lost history at position %i are built again before they check",
  async (position) => {
    const folder = await temporaryFolder();
    cleanUp.push(folder.remove);
    const file = folder.path("logs.db");
    // Without ticks, only the writer calls the keeper.
    const open = () =>
      testServer({ domain: namesDomain, store: sqlite(file), models: [strong(names)], liveTicks: false });
    const before = open();
    await before.log("board").execute(user.command.name("u1", { name: "neo" }));
    await before.close();
    const database = new DatabaseSync(file);
    database
      .prepare("update dacapo_followers set position = ?, mark = 'lost' where name like 'rows/names%'")
      .run(position);
    database.exec(`insert into dacapo_rows (tbl, key, row)
      select id, 'trinity', '{"user":"user/lost"}' from dacapo_tables where name = 'rows'`);
    database.close();

    const after = open();
    cleanUp.push(() => after.close());
    const log = after.log("board");
    await log.execute(user.command.name("u2", { name: "trinity" }));
    expect((await log.rows(names)).rows).toEqual([
      { key: "neo", row: { user: "user/u1" } },
      { key: "trinity", row: { user: "user/u2" } },
    ]);
  },
);

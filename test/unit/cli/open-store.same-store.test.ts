import { link, symlink, writeFile } from "node:fs/promises";
import { afterEach, expect, test } from "vitest";
import { isSameStore } from "../../../src/cli/base/open-store.ts";
import { temporaryFolder } from "../../support/server.ts";

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0)) await step();
});

test("isSameStore: knows one file by its paths and links, and one database by its spellings", async () => {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  const [file, other] = [folder.path("logs.db"), folder.path("other.db")];
  for (const path of [file, other]) await writeFile(path, "");
  await symlink(file, folder.path("symbolic.db"));
  await link(file, folder.path("hard.db"));
  const same = (path: string) => isSameStore(`sqlite:${file}`, `sqlite:${path}`);
  for (const path of [file, folder.path("./x/../logs.db"), folder.path("symbolic.db"), folder.path("hard.db")])
    expect(same(path), path).toBe(true);
  for (const path of [other, folder.path("none.db")]) expect(same(path), path).toBe(false);
  const database = "postgres://ada:secret@db.internal/logs";
  expect(isSameStore(database, "postgresql://bob@DB.internal:5432/logs?schema=public")).toBe(true);
  for (const url of [`${database}2`, `${database}?schema=other`, "postgres://ada@db.internal:5433/logs", "memory:"])
    expect(isSameStore(database, url), url).toBe(false);
});

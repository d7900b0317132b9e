// The URL of a store as the commands print it.
import { expect, test } from "vitest";
import { shownUrl } from "../../../src/cli/base/open-store.ts";

test.each([
  ["postgres://dacapo:secret@db:5432/x", "postgres://dacapo:***@db:5432/x"],
  ["postgres://dacapo:se@cr@et@db:5432/x", "postgres://dacapo:***@db:5432/x"],
  ["postgres://dacapo:se:cret@db/x?schema=a@b", "postgres://dacapo:***@db/x?schema=a@b"],
  ["postgres://db/x?user=dacapo&password=secret&schema=a", "postgres://db/x?user=dacapo&password=***&schema=a"],
  ["postgres://dacapo@db/x", "postgres://dacapo@db/x"],
  ["mysql://dacapo:pa/ss@db/x", "mysql://dacapo:***@db/x"],
  ["postgres://dacapo:pa?ss@db/x", "postgres://dacapo:***@db/x"],
  ["sqlite:logs@home.db", "sqlite:logs@home.db"],
])("store: %s is shown without its password", (url, shown) => {
  expect(shownUrl(url)).toBe(shown);
});

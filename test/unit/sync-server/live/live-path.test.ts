// The paths of live sockets, as a runtime sees them before Hono.
import { expect, test } from "vitest";
import { containing } from "../../../support/matchers.ts";
import { liveLog, prefixOf } from "../../../../src/sync-server/live/live-path.ts";

test.each([
  ["/logs/board/live", ""],
  ["/logs/board/live?ticket=a&after=1-m", ""],
  ["/logs/board/live?next=/logs/other/live", ""],
  ["/logs/%62oard/live", ""],
  ["/sync/logs/board/live", "/sync"],
  ["/api/sync/logs/board/live?", "/api/sync"],
])("liveLog: finds the log in %s below %j", (target, prefix) => {
  expect(liveLog(target, prefix)).toBe("board");
});

test.each([
  ["", ""],
  ["/", ""],
  ["/live", ""],
  ["/logs/board", ""],
  ["/logs/board/records", ""],
  ["/logs/board/live/", ""],
  ["/logs/board/live/more", ""],
  ["/logs/board/lives", ""],
  ["/logs/a/b/live", ""],
  ["/logs//live", ""],
  ["/logs/%zz/live", ""],
  ["/logs/?x=/logs/board/live", ""],
  ["x/logs/board/live", ""],
  ["//host/logs/board/live", ""],
  ["//logs/board/live", ""],
  ["http://host/logs/board/live", ""],
  ["/sync/logs/board/live", ""],
  ["/logs/board/live", "/sync"],
  ["/syncs/logs/board/live", "/sync"],
  ["/cync/logs/board/live", "/sync"],
  ["/sync/xlogs/board/live", "/sync"],
  ["/sync/logs/x/logs/board/live", "/sync"],
])("liveLog: finds no log in %j below %j", (target, prefix) => {
  expect(liveLog(target, prefix)).toBeNull();
});

test.each([
  ["", ""],
  ["/", ""],
  ["//", ""],
  ["sync", "/sync"],
  ["/sync", "/sync"],
  ["/sync/", "/sync"],
  ["//sync", "/sync"],
  ["/api//sync/", "/api/sync"],
  ["/.well-known/..a/a./...", "/.well-known/..a/a./..."],
  ["/A-Z_09~@.", "/A-Z_09~@."],
])("prefixOf: %j is the prefix %j", (path, prefix) => {
  expect(prefixOf(path)).toBe(prefix);
});

test.each([
  [undefined],
  [null],
  [5],
  [["/sync"]],
  ["."],
  ["/.."],
  ["/api/../sync"],
  ["/:tenant"],
  ["/api/:tenant"],
  ["/tenant:"],
  ["/*"],
  ["/sync?x"],
  ["/a b"],
  ["/%41"],
  ["/ä"],
  ["https://host/sync"],
])("prefixOf: refuses %j, and names the option", (path) => {
  expect(() => prefixOf(path)).toThrow(
    expect.objectContaining({ message: containing("The path of the sync server is"), details: { option: "path" } }),
  );
});

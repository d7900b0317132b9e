// What a page tells of a log that was dropped with the right to read.
import { expect, test } from "vitest";
import type { Cursor } from "../../../../src/core/history/record.ts";
import { serverLostRevokedHistory } from "../../../../src/client/sync/resolve-divergence.ts";
import { recordsBehind } from "../../../../src/testing/log-store/fixtures.ts";

const at = (position: number, mark = `m${position}`): Cursor => ({ position, mark });
/** Records of one event each, from a cursor up to a position, in a log that ends at `head`. */
const page = (after: Cursor | null, to: number, head: number, mark = "m") => {
  const from = after?.position ?? 0;
  return {
    after,
    records: recordsBehind(
      after,
      Array.from({ length: to - from }, () => 1),
      mark,
    ),
    cursor: to > 0 ? at(to, `${to > from ? mark : "m"}${to}`) : null,
    head,
    more: to < head,
  };
};

test("its last mark at its position: the server has all of it", () => {
  expect(serverLostRevokedHistory(page(at(2), 9, 9), at(5), at(2))).toBe(false);
  expect(serverLostRevokedHistory(page(at(2), 5, 9), at(5), at(2))).toBe(false);
});

test("another mark there, or an end of the log before it: histories have parted", () => {
  expect(serverLostRevokedHistory(page(at(2), 9, 9, "other"), at(5), at(2))).toBe(true);
  expect(serverLostRevokedHistory(page(at(2), 4, 4), at(5), at(2))).toBe(true);
  expect(serverLostRevokedHistory(page(null, 0, 0), at(5), null)).toBe(true);
});

test("on the way there, for a page of another place, or where nothing was dropped: nothing is said", () => {
  expect(serverLostRevokedHistory(page(at(2), 4, 9, "other"), at(5), at(2))).toBe(false);
  expect(serverLostRevokedHistory(page(at(2), 9, 9, "other"), at(5), at(3))).toBe(false);
  expect(serverLostRevokedHistory(page(at(2), 2, 2), null, at(2))).toBe(false);
});

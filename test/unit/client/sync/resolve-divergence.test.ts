// Whether a page shows that the server lost history while the right to read was revoked.
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

test("serverLostRevokedHistory: false if the server has the last mark at its position", () => {
  expect(serverLostRevokedHistory(page(at(2), 9, 9), at(5), at(2))).toBe(false);
  expect(serverLostRevokedHistory(page(at(2), 5, 9), at(5), at(2))).toBe(false);
});

test("serverLostRevokedHistory: true if another mark is there, or the log ends before it", () => {
  expect(serverLostRevokedHistory(page(at(2), 9, 9, "other"), at(5), at(2))).toBe(true);
  expect(serverLostRevokedHistory(page(at(2), 4, 4), at(5), at(2))).toBe(true);
  expect(serverLostRevokedHistory(page(null, 0, 0), at(5), null)).toBe(true);
});

test("serverLostRevokedHistory: false on the way there, for another cursor, or without a drop", () => {
  expect(serverLostRevokedHistory(page(at(2), 4, 9, "other"), at(5), at(2))).toBe(false);
  expect(serverLostRevokedHistory(page(at(2), 9, 9, "other"), at(5), at(3))).toBe(false);
  expect(serverLostRevokedHistory(page(at(2), 2, 2), null, at(2))).toBe(false);
});

// The options of a server whose wrong values would otherwise be noticed too late, or never.
import { expect, test } from "vitest";
import { requireAppOptions } from "../../../../src/sync-server/access/require-options.ts";
import { SERVER_LIMITS } from "../../../../src/sync-server/base/limits.ts";
import { domain } from "../../../support/board-domain.ts";
import { containing } from "../../../support/matchers.ts";

const check = (limits: object) => () => requireAppOptions({ domain, authorize: () => ({ actor: "ada" }), limits });

test.each([
  [{ pushBytesMax: Number.NaN }, "limits.pushBytesMax is NaN"],
  [{ pushBytesMax: "1000" }, "limits.pushBytesMax is 1000"],
  [{ pushBytesMax: undefined }, "limits.pushBytesMax is undefined"],
  [{ socketsMax: -1 }, "limits.socketsMax is -1"],
  [{ commitRate: 50 }, "limits.commitRate.perSecond is undefined"],
  [{ commitRate: null }, "limits.commitRate.perSecond is undefined"],
  [{ commitRate: { perSecond: 50 } }, "limits.commitRate.burst is undefined"],
  [{ comitRate: { perSecond: 50, burst: 100 } }, "has no comitRate"],
])("limits: %j is refused, because it would limit nothing", (limits, message) => {
  expect(check(limits)).toThrow(expect.objectContaining({ code: "definition", message: containing(message) }));
});

test("limits: its defaults, no limit at all and endless bounds are accepted", () => {
  for (const limits of [SERVER_LIMITS, {}, { socketsMax: Infinity, lookMs: 0 }]) expect(check(limits)).not.toThrow();
});

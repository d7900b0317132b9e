import { expect, test } from "vitest";
import { isUuid } from "../../../../src/core/values/id.ts";
import { derivedUuid } from "../../../../src/sync-server/subscribers/derived-uuid.ts";

test("derivedUuid: is a UUID of version 8, the same for the same texts", async () => {
  const lists = Array.from({ length: 200 }, (_, n) => ["effect", "mailer", `log-${n}`, "event"]);
  const ids = await Promise.all(lists.map(derivedUuid));
  expect(ids.every((id) => isUuid(id) && /^.{14}8.{4}[89ab]/.test(id))).toBe(true);
  expect(new Set(ids).size).toBe(200);
  expect(await Promise.all(lists.map(derivedUuid))).toEqual(ids);
});

test("derivedUuid: texts that join to the same text have different ids", async () => {
  expect(await derivedUuid(["a", "bc"])).not.toBe(await derivedUuid(["ab", "c"]));
});

import type { LogStatus } from "dacapo/client";
import { expect, test } from "vitest";
import { explainSync, saySync } from "../../../demo/board/ui/say-sync.ts";
import { words } from "../../../demo/board/words/language.ts";

const full = {
  code: "storage-full",
  message: "The device's storage is full",
  fix: "Free disk space",
  retry: "later",
  details: {},
} as const;
const status = (changes: Partial<LogStatus>) => ({ reduced: [], rejections: 0, pending: 3, ...changes }) as LogStatus;

test("saySync: without space, the badge does not say that there is no connection", () => {
  const isFull = status({ connection: "offline", error: full });
  expect(saySync(isFull)).toEqual({ mood: "bad", text: "No space left · 3 waiting" });
  expect(explainSync(isFull)).toBe(words.explain.full);
});

test("saySync: without a server, the badge says that there is no connection", () => {
  const offline = status({ connection: "offline", error: null });
  expect(saySync(offline)).toEqual({ mood: "away", text: "No connection · 3 waiting" });
  expect(explainSync(offline)).toBe(words.explain.offline);
});

// The assumption of the edge server about Durable Objects: an eviction drops the memory and keeps the SQL.
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";

test("workerd: an eviction keeps the rows of a Durable Object and drops its memory", async () => {
  const object = env.PLATFORM.getByName("only");
  expect(await object.count()).toEqual({ inMemory: 1, stored: 1 });
  expect(await object.count()).toEqual({ inMemory: 2, stored: 2 });
  await evictDurableObject(object);
  expect(await object.count()).toEqual({ inMemory: 1, stored: 3 });
});

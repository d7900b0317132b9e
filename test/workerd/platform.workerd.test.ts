// What the edge server takes for granted of a Durable Object: eviction drops its memory and keeps its SQL.
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";

test("a row outlives the eviction of its Durable Object, memory does not", async () => {
  const object = env.PLATFORM.getByName("only");
  expect(await object.count()).toEqual({ inMemory: 1, stored: 1 });
  expect(await object.count()).toEqual({ inMemory: 2, stored: 2 });
  await evictDurableObject(object);
  expect(await object.count()).toEqual({ inMemory: 1, stored: 3 });
});

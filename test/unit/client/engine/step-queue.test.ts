import { expect, test } from "vitest";
import { StepQueue } from "../../../../src/client/engine/step-queue.ts";

test("StepQueue.run: steps run one after another, also after one that fails", async () => {
  const queue = new StepQueue();
  const seen: string[] = [];
  const step = (name: string, fails = false) =>
    queue.run(async () => {
      seen.push(`${name} begins`);
      await Promise.resolve();
      seen.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const results = await Promise.allSettled([step("a"), step("b", true), step("c")]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(seen).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

test("StepQueue.close: earlier steps end, later steps fail with the error of the first close", async () => {
  const queue = new StepQueue();
  let isDone = false;
  const before = queue.run(async () => {
    await Promise.resolve();
    isDone = true;
  });
  const closed = new Error("closed");
  await queue.close(closed);
  expect(isDone).toBe(true);
  await before;
  await queue.close(new Error("again"));
  await expect(queue.run(() => Promise.resolve(1))).rejects.toBe(closed);
});

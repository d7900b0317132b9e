import { expect, test } from "vitest";
import { pendingCalls } from "../../../../src/client/page/pending-calls.ts";
import { LogClosedError } from "../../../../src/core/values/errors.ts";

const closed = () => new LogClosedError({ message: "Closed", fix: "Open it again." });

test("pendingCalls: close rejects the calls that wait, and each later call", async () => {
  const calls = pendingCalls();
  const never = new Promise<never>(() => {});
  const [one, two] = [calls.track(never), calls.track(never)];
  calls.close(closed());
  await expect(one).rejects.toMatchObject({ code: "log-closed" });
  await expect(two).rejects.toMatchObject({ code: "log-closed" });
  await expect(calls.track(never)).rejects.toMatchObject({ code: "log-closed" });
});

test("pendingCalls: an answer that came before close stays, good or bad", async () => {
  const calls = pendingCalls();
  const good = calls.track(Promise.resolve(1));
  const bad = calls.track(Promise.reject(new Error("no")));
  expect(await good).toBe(1);
  await expect(bad).rejects.toThrow("no");
  calls.close(closed());
  expect(await good).toBe(1);
});

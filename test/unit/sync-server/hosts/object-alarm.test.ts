import { expect, test } from "vitest";
import { ObjectAlarm } from "../../../../src/sync-server/hosts/object-alarm.ts";

function alarmWith(run: () => Promise<number | null>, stored: number | null = null) {
  const sets: number[] = [];
  const errors: unknown[] = [];
  let failing = false;
  const alarm = new ObjectAlarm({
    storage: {
      getAlarm: async () => sets.at(-1) ?? stored,
      setAlarm: async (at) => {
        if (failing) throw new Error("disk");
        sets.push(at);
      },
    },
    now: () => 1_000,
    report: (error) => void errors.push(error),
    run,
  });
  return { alarm, sets, errors, fail: (value: boolean) => void (failing = value) };
}

test("wakeBy: sets the alarm only for an earlier time, also with calls at once", async () => {
  const { alarm, sets } = alarmWith(async () => null, 700);
  await Promise.all([900, 500, 600, Infinity, 500, 400].map((at) => alarm.wakeBy(at)));
  expect(sets).toEqual([500, 400]);
});

test("wakeBy: a failing storage is reported, and the next call tries again", async () => {
  const { alarm, sets, errors, fail } = alarmWith(async () => null);
  fail(true);
  await alarm.wakeBy(500);
  fail(false);
  await alarm.wakeBy(600);
  expect(errors).toHaveLength(1);
  expect(sets).toEqual([600]);
});

test("ring: runs what is due, and wakes again when more is due", async () => {
  const nextMs = [250, null];
  const { alarm, sets } = alarmWith(async () => nextMs.shift() ?? null);
  await alarm.ring();
  expect(sets).toEqual([1_250]);
  await alarm.ring();
  expect(sets).toEqual([1_250]);
  await alarm.wakeBy(9_000);
  expect(sets).toEqual([1_250, 9_000]);
});

test("ring: a failing run is reported, and runs again after a minute", async () => {
  const { alarm, sets, errors } = alarmWith(() => Promise.reject(new Error("defect")));
  await alarm.ring();
  expect(errors).toEqual([new Error("defect")]);
  expect(sets).toEqual([61_000]);
});

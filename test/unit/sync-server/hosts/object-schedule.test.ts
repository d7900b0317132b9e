import { expect, test } from "vitest";
import { ObjectSchedule, type ObjectTask } from "../../../../src/sync-server/hosts/object-schedule.ts";

const START = 1_000_000;

/** A schedule on a storage in memory. `pass` moves the clock and rings the alarm as the runtime does. */
function scheduleWith(tasks: { readonly [name: string]: ObjectTask }, stored: number | null = null) {
  const sets: number[] = [];
  const errors: unknown[] = [];
  const clock = { now: START };
  let alarm = stored;
  let isFailing = false;
  const make = () =>
    new ObjectSchedule({
      storage: {
        getAlarm: async () => alarm,
        setAlarm: async (at) => {
          if (isFailing) throw new Error("disk");
          sets.push(at - START);
          alarm = at;
        },
      },
      now: () => clock.now,
      report: (error) => void errors.push(error),
      tasks,
    });
  let schedule = make();
  return {
    sets,
    errors,
    clock,
    wakeBy: (ms: number) => schedule.wakeBy(START + ms),
    armBy: (ms: number) => schedule.armBy(START + ms),
    read: () => schedule.read(),
    ring: (isRetry = false) => schedule.ring(isRetry),
    runNow: (name: string) => schedule.runNow(name),
    evict: () => void (schedule = make()),
    fail: (value: boolean) => void (isFailing = value),
    pass: async (ms: number) => {
      for (const end = clock.now + ms; ;) {
        if (alarm === null || alarm > end) return void (clock.now = end);
        clock.now = Math.max(clock.now, alarm);
        alarm = null;
        await schedule.ring();
      }
    },
  };
}

/** A task with stored due times, as a table would keep them. It notes when it worked, and does one thing a run. */
function storedTask(due: number[]): { readonly task: ObjectTask; readonly worked: number[] } {
  const worked: number[] = [];
  return {
    worked,
    task: async (now) => {
      due.sort((left, right) => left - right);
      if ((due[0] ?? Infinity) + START <= now) worked.push((due.shift() ?? 0) && now - START);
      return (due[0] ?? Infinity) + START;
    },
  };
}

test("wakeBy: sets the alarm only for an earlier time, also with calls at once", async () => {
  const { wakeBy, sets } = scheduleWith({}, START + 7_000);
  await Promise.all([9_000, 5_000, 6_000, Infinity, 5_000, 4_000].map(wakeBy));
  expect(sets).toEqual([5_000, 4_000]);
});

test("wakeBy: a time that has passed is a second from now", async () => {
  const { wakeBy, sets } = scheduleWith({});
  await wakeBy(-5_000);
  expect(sets).toEqual([1_000]);
});

test("wakeBy: a failing storage is reported, and the next call tries again", async () => {
  const { wakeBy, sets, errors, fail } = scheduleWith({});
  fail(true);
  await wakeBy(5_000);
  fail(false);
  await wakeBy(6_000);
  expect(errors).toEqual([new Error("disk")]);
  expect(sets).toEqual([6_000]);
});

test("ring: several tasks share the alarm, and each works at its times, also over evictions", async () => {
  const [rare, often, never] = [
    storedTask([50_000, 2_000]),
    storedTask([1_500, 30_000, 30_400, 31_500]),
    storedTask([]),
  ];
  const { wakeBy, pass, evict, sets } = scheduleWith({ rare: rare.task, often: often.task, never: never.task });
  await wakeBy(1_500);
  for (const ms of [1_700, 20_000, 8_500, 1_000, 100_000]) {
    await pass(ms);
    evict();
  }
  expect(rare.worked).toEqual([2_500, 50_000]);
  expect(often.worked).toEqual([1_500, 30_000, 31_000, 32_000]);
  expect(never.worked).toEqual([]);
  // One write for each ring, and one for the first time. The last ring finds nothing more.
  expect(sets).toEqual([1_500, 2_500, 30_000, 31_000, 32_000, 50_000]);
});

test("ring: writes once, also if tasks call `wakeBy` while they run", async () => {
  const schedule: ReturnType<typeof scheduleWith> = scheduleWith({
    first: async () => {
      await Promise.all([schedule.wakeBy(9_000), schedule.wakeBy(3_000)]);
      return START + 8_000;
    },
    second: async () => START + 5_000,
  });
  await schedule.ring();
  expect(schedule.sets).toEqual([3_000]);
  await schedule.wakeBy(2_000);
  expect(schedule.sets).toEqual([3_000, 2_000]);
});

test("ring: a failing task is reported by name, runs again in ten minutes, and stops no other", async () => {
  let isBroken = true;
  const worked: number[] = [];
  const { ring, pass, sets, errors, clock } = scheduleWith({
    broken: async () => {
      if (isBroken) throw new Error("defect");
      return Infinity;
    },
    whole: async (now) => {
      worked.push(now - START);
      return START + 900_000;
    },
  });
  await ring();
  expect(errors).toMatchObject([
    { message: "The task broken of an object failed: Error: defect", details: { task: "broken" } },
  ]);
  expect(sets).toEqual([600_000]);
  isBroken = false;
  await pass(700_000);
  expect({ worked, sets, errors: errors.length }).toEqual({
    worked: [0, 600_000],
    sets: [600_000, 900_000],
    errors: 1,
  });
  expect(clock.now).toBe(START + 700_000);
});

test("ring: rejects if the alarm cannot be set, so that the runtime rings again", async () => {
  const { ring, fail, sets } = scheduleWith({ task: async () => START + 5_000 });
  fail(true);
  await expect(ring()).rejects.toThrow("disk");
  fail(false);
  await ring();
  expect(sets).toEqual([5_000]);
});

test("armBy: sets the alarm at once, and no later one than it read or set", async () => {
  const unread = scheduleWith({}, START + 7_000);
  unread.armBy(15_000);
  expect(unread.sets).toEqual([15_000]);
  const known = scheduleWith({}, START + 7_000);
  await known.read();
  known.armBy(15_000);
  known.armBy(6_000);
  known.armBy(6_500);
  expect(known.sets).toEqual([6_000]);
});

test("armBy: a call that waits for the storage does not replace an earlier alarm", async () => {
  const { wakeBy, armBy, sets } = scheduleWith({});
  const waking = wakeBy(60_000);
  armBy(15_000);
  await waking;
  expect(sets).toEqual([15_000]);
});

test("armBy: a failing storage is reported, and the next call sets the alarm", async () => {
  const { armBy, sets, errors, fail, ring } = scheduleWith({});
  fail(true);
  armBy(15_000);
  await Promise.resolve();
  fail(false);
  await expect.poll(() => errors).toEqual([new Error("disk")]);
  armBy(16_000);
  expect(sets).toEqual([16_000]);
  await ring();
});

test("armBy: during a ring it joins the alarm at its end", async () => {
  const schedule: ReturnType<typeof scheduleWith> = scheduleWith({
    append: async () => {
      schedule.armBy(15_000);
      return Infinity;
    },
  });
  await schedule.ring();
  expect(schedule.sets).toEqual([15_000]);
});

test("ring: after a failed ring it sets another alarm before the tasks run", async () => {
  const sets: number[][] = [];
  const schedule: ReturnType<typeof scheduleWith> = scheduleWith({
    task: async () => {
      sets.push([...schedule.sets]);
      return START + 5_000;
    },
  });
  await schedule.ring();
  await schedule.ring(true);
  expect(sets).toEqual([[], [5_000, 600_000]]);
  expect(schedule.sets).toEqual([5_000, 600_000, 5_000]);
});

test("runNow: runs one task and wakes by its time, also if the task fails", async () => {
  const due = storedTask([0, 4_000]);
  const { runNow, sets, errors } = scheduleWith({
    due: due.task,
    broken: () => Promise.reject(new Error("defect")),
    other: async () => START + 2_000,
  });
  await runNow("broken");
  await runNow("due");
  expect({ worked: due.worked, sets, errors: errors.length }).toEqual({
    worked: [0],
    sets: [600_000, 4_000],
    errors: 1,
  });
});

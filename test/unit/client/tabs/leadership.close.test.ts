// A closed log leaves no timer behind, so that a page or a worker can end.
import { expect, test } from "vitest";
import { browserEnv } from "../../../../src/client/env/browser-env.ts";
import type { Env } from "../../../../src/client/env/env.ts";
import { Leadership } from "../../../../src/client/tabs/leadership.ts";

/** A tab whose lock is free, and its timers that wait. */
function scene() {
  const timers = new Set<() => void>();
  const env: Env = {
    ...browserEnv,
    lock: (_name, _options, held) => held(),
    setTimer: (run) => {
      timers.add(run);
      return () => timers.delete(run);
    },
  };
  const leads: boolean[] = [];
  const tab = new Leadership({
    env,
    lock: "team",
    domainVersion: 1,
    visible: true,
    isAlone: false,
    storeFingerprint: () => "",
    sync: () => ({ state: "going", lastSyncedAt: null }),
    post: () => {},
    setLeader: (isLeader) => leads.push(isLeader),
    onBeat: () => {},
  });
  const fire = () => {
    const due = [...timers];
    timers.clear();
    for (const run of due) run();
  };
  return { tab, timers, leads, fire };
}
const settle = () => new Promise((resolve) => setTimeout(resolve));

test("Leadership: close of a leader ends its timers, also between two beats", async () => {
  const { tab, timers, leads, fire } = scene();
  await settle();
  expect([leads, timers.size]).toEqual([[true], 1]);
  fire();
  expect(timers.size).toBe(1);
  tab.close();
  await settle();
  expect([leads, timers.size]).toEqual([[true, false], 0]);
});

test("Leadership: close ends the timer by which a tab that yielded requests the lead again", async () => {
  const { tab, timers, leads, fire } = scene();
  await settle();
  tab.receive({ type: "claim", rank: { domain: 2, visible: true } });
  await settle();
  expect([leads, timers.size]).toEqual([[true, false], 2]);
  fire();
  await settle();
  // It leads again.
  expect([leads, timers.size]).toEqual([[true, false, true], 1]);
  tab.receive({ type: "claim", rank: { domain: 2, visible: true } });
  await settle();
  tab.close();
  expect([leads.at(-1), timers.size]).toEqual([false, 0]);
});

test("Leadership: a tab that stops competing requests the lead no more", async () => {
  const { tab, timers, leads } = scene();
  await settle();
  tab.receive({ type: "claim", rank: { domain: 2, visible: true } });
  await settle();
  tab.stopCompeting();
  // Only the beats continue.
  expect([leads, timers.size]).toEqual([[true, false], 1]);
  tab.close();
  expect(timers.size).toBe(0);
});

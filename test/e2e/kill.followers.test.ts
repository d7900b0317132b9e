// A server that is killed at random while it rebuilds, follows and runs handlers and processes. `npm run kill --
// --followers` kills it 200 times.
import { expect, test } from "vitest";
import { runFollowerKills } from "../kill/run-follower-kills.ts";

test("kill: rows and effects of a server with followers are those of its log after kill -9", async () => {
  const { rounds, wrong, doubled, events, rebuilt } = await runFollowerKills({ rounds: 12, seed: 5 });
  expect({ rounds, wrong, doubled }).toEqual({ rounds: 12, wrong: [], doubled: [] });
  expect(events).toBeGreaterThan(20);
  expect(rebuilt).toBeGreaterThan(0);
});

// A planted fault that no port of the simulator reaches: the worker's answers leave before the update with their rows.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { PageUpdate } from "../../src/client/messages/worker-messages.ts";
import type * as Module from "../../src/client/worker/page-updates.ts";
import { parseOwnJson } from "../support/own-json.ts";

const PLACE = "../../src/client/worker/page-updates.ts";

// The files of tests share their modules, so this file has its own while it runs.
beforeEach(() => {
  vi.resetModules();
  vi.doMock(PLACE, answersFirst);
});
afterEach(() => {
  vi.doUnmock(PLACE);
  vi.resetModules();
});

async function answersFirst(importOriginal: <T>() => Promise<T>) {
  const original = await importOriginal<typeof Module>();
  class AnswersFirst extends original.PageUpdates {
    constructor(...[page, facts]: ConstructorParameters<typeof original.PageUpdates>) {
      super(
        {
          changed(text) {
            const { answers, ...rest } = parseOwnJson<PageUpdate>(text);
            if (answers) page.changed(JSON.stringify({ seq: rest.seq, answers }));
            page.changed(JSON.stringify(rest));
          },
        },
        facts,
      );
    }
  }
  return { ...original, PageUpdates: AnswersFirst };
}

test("simulator: finds an answer that leaves before its rows", async () => {
  const { runSeeds } = await import("../../src/testing/simulate/simulate.ts");
  const { simulation } = await import("../support/simulation/simulation.ts");
  const { broken } = await runSeeds(simulation.domain, { ...simulation.options, seeds: 20, shrinks: false });
  const problems = broken.flatMap((seed) => seed.problems);
  expect(problems).toContainEqual(expect.stringMatching(/^5: .* heard of .* before it got their rows/));
});

/** The faults of accessibility that axe finds on a page. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { ElementContext, RunOptions } from "axe-core";
import type { Frame, Page } from "playwright-core";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Each fault in short: the rule, its impact, and the first element. */
async function faultsOf(frame: Frame): Promise<readonly string[]> {
  await frame.evaluate(source);
  return frame.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import("axe-core") };
    const options: RunOptions = { resultTypes: ["violations"], iframes: false };
    const { violations } = await axe.run(document as unknown as ElementContext, options);
    return violations
      .filter(({ impact }) => impact !== "minor")
      .map(({ id, impact, nodes }) => `${id} (${impact}), ${nodes.length} times: ${nodes[0]?.html.slice(0, 200)}`);
  });
}

/** Returns the faults of a page and of its frames. */
export async function faultsOn(page: Page): Promise<readonly string[]> {
  const faults = await Promise.all(page.frames().map(faultsOf));
  return faults.flat();
}

/**
 * The README's picture: the page with two people and one cable, after both renamed one card.
 *
 * The test takes the picture when it is missing, or with UPDATE_SCREENSHOTS=1 npm run test:e2e.
 * Otherwise it only checks that the scene can be played.
 */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { duoCard, openDuo, renameOn } from "./support/demo-duo.ts";
import { startDemo } from "./support/demo-board.ts";

const folder = fileURLToPath(new URL("../../docs/images", import.meta.url));
const wanted = process.env["UPDATE_SCREENSHOTS"] === "1" || !existsSync(`${folder}/duo.png`);
const WINDOW = { width: 1280, height: 760 };

test("README picture: two people rename one card without the cable, and see both names", async () => {
  const demo = await startDemo();
  try {
    const { page, ada, bob } = await openDuo(demo, { viewport: WINDOW, deviceScaleFactor: 1.5 });
    await page.getByRole("button", { name: "Pull the cable" }).click();
    await renameOn(bob, "Buy new strings", "Buy steel strings");
    await duoCard(ada, "Print the posters").getByRole("button", { name: "Done: Print the posters" }).click();
    await duoCard(bob, "Invite the choir").getByRole("button", { name: "Done: Invite the choir" }).click();
    await renameOn(ada, "Buy new strings", "Buy gut strings");
    await page.getByRole("region", { name: "The log" }).getByText("Buy gut strings").waitFor();
    await page.getByText("Ada has 2 changes and Bob has 2 changes").waitFor();
    // Nothing is in focus or under the pointer, and nothing moves.
    await page.mouse.move(1, WINDOW.height - 1);
    for (const frame of page.frames())
      await frame.evaluate(async () => {
        if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
        document.querySelector(".board")?.scrollTo(0, 0);
        const ends = document.getAnimations().filter(({ effect }) => effect?.getTiming().iterations === 1);
        await Promise.allSettled(ends.map(({ finished }) => finished));
      });
    const picture = await page.screenshot();
    if (wanted) {
      await mkdir(folder, { recursive: true });
      await writeFile(`${folder}/duo.png`, picture);
    }
    expect(picture.subarray(1, 4).toString()).toBe("PNG");
    expect(demo.takeErrors()).toEqual([]);
  } finally {
    await demo.close();
  }
});

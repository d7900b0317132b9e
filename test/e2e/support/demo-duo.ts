/** `/duo` as a visitor uses it: two boards in frames. */
import type { BrowserContextOptions, FrameLocator, Page } from "playwright-core";
import type { DemoOfTests } from "./demo-board.ts";

/** Opens the page. Resolves when both boards show their cards. */
export async function openDuo(
  demo: Pick<DemoOfTests, "visit">,
  options: BrowserContextOptions = { viewport: { width: 1360, height: 850 } },
) {
  const page = await demo.visit("/duo", options);
  const [ada, bob] = [sideOf(page, "Ada"), sideOf(page, "Bob")];
  for (const frame of [ada, bob]) await duoCard(frame, "Buy new strings").waitFor();
  return { page, ada, bob };
}

export function sideOf(page: Page, name: string): FrameLocator {
  return page.frameLocator(`iframe[title^="${name}"]`);
}

export function duoCard(frame: FrameLocator, title: string) {
  return frame.locator("li.card", { has: frame.locator(".card-open", { hasText: new RegExp(`^${title}$`) }) });
}

/** Renames a card on one side. */
export async function renameOn(frame: FrameLocator, from: string, to: string): Promise<void> {
  await duoCard(frame, from).locator(".card-open").press("F2");
  const field = frame.getByRole("textbox", { name: "Title", exact: true });
  // Typed, because `fill` changes nothing inside a frame of Firefox.
  await field.press("Control+a");
  await field.pressSequentially(to);
  await field.press("Enter");
  await duoCard(frame, to).waitFor();
}

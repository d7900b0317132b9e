/** The part of Playwright's `Locator` that the tests use, on WebKit. */
import { setTimeout as sleep } from "node:timers/promises";
import { findElements, type Match, type Step } from "./find-elements.ts";

const WAIT_MS_MAX = 30_000;

type State = "attached" | "detached" | "visible" | "hidden";
type Box = { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
type Named = { readonly name?: string | RegExp; readonly exact?: boolean };
type Having = { readonly hasText?: string | RegExp; readonly has?: WebKitLocator };

/** The part of a page that its locators use. */
type LocatedPage = {
  readonly run: <T>(expression: string) => Promise<T>;
  readonly clickElement: (element: string) => Promise<void>;
  readonly keyboard: { readonly press: (keys: string) => Promise<void> };
};

export class WebKitLocator {
  readonly page: LocatedPage;
  readonly steps: readonly Step[];

  constructor(page: LocatedPage, steps: readonly Step[]) {
    this.page = page;
    this.steps = steps;
  }

  locator = (css: string, having: Having = {}) => this.#with({ css }).filter(having);
  getByRole = (role: string, { name, exact }: Named = {}) =>
    this.#with({ role, ...(name !== undefined && { name: matchOf(name, exact) }) });
  getByText = (text: string | RegExp, { exact }: Named = {}) => this.#with({ text: matchOf(text, exact) });
  getByTitle = (title: string | RegExp) => this.#with({ title: matchOf(title) });
  filter = ({ hasText, has }: Having) =>
    this.#with(
      ...(hasText === undefined ? [] : [{ hasText: matchOf(hasText) }]),
      ...(has === undefined ? [] : [{ has: has.steps }]),
    );
  and = (other: WebKitLocator) => this.#with({ and: other.steps });
  nth = (nth: number) => this.#with({ nth });
  first = () => this.nth(0);

  count = () => this.#evaluateAll<number>("(all) => all.length");
  allInnerTexts = () => this.#evaluateAll<string[]>("(all) => all.map((one) => one.innerText)");
  inputValue = () => this.evaluate<string>("(one) => one.value");

  /** The place of the element in the window. */
  boundingBox = () => this.evaluate<Box>("(one) => one.getBoundingClientRect().toJSON()");

  /** Runs a function, or the text of one, on the element. */
  async evaluate<T>(source: string | ((element: never) => T), argument: unknown = null): Promise<T> {
    await this.waitFor({ state: "attached" });
    return this.#evaluateAll<T>(`(all, argument) => (${String(source)})(all[0], argument)`, argument);
  }

  async waitFor({ state = "visible" }: { readonly state?: State } = {}): Promise<void> {
    const deadline = Date.now() + WAIT_MS_MAX;
    const isShown = "one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length > 0";
    for (;;) {
      const [attached = false, visible = false] = await this.#evaluateAll<boolean[]>(
        `(all) => [all.length > 0, all.slice(0, 1).some((one) => ${isShown})]`,
      );
      if ({ attached, detached: !attached, visible, hidden: !visible }[state]) return;
      if (Date.now() > deadline) throw new Error(`Not ${state} in time: ${JSON.stringify(this.steps)}`);
      await sleep(30);
    }
  }

  /** Clicks as a person does, in the middle of the element. */
  async click(): Promise<void> {
    await this.waitFor();
    await this.page.clickElement(this.#call("(all) => all[0]"));
  }

  async focus(): Promise<void> {
    await this.evaluate("(one) => one.focus()");
  }

  async press(key: string): Promise<void> {
    await this.focus();
    await this.page.keyboard.press(key);
  }

  async fill(value: string): Promise<void> {
    await this.waitFor();
    await this.evaluate(
      `(one, value) => {
        one.focus();
        // React remembers the value that it set itself, so use the browser's own setter.
        Object.getOwnPropertyDescriptor(Object.getPrototypeOf(one), "value").set.call(one, value);
        one.dispatchEvent(new InputEvent("input", { bubbles: true, data: value, inputType: "insertText" }));
      }`,
      value,
    );
  }

  async selectOption({ label }: { readonly label: string }): Promise<void> {
    await this.evaluate(
      `(one, label) => {
        one.value = [...one.options].find((option) => option.label === label).value;
        one.dispatchEvent(new Event("change", { bubbles: true }));
      }`,
      label,
    );
  }

  #with(...more: readonly Step[]): WebKitLocator {
    return new WebKitLocator(this.page, [...this.steps, ...more]);
  }

  #evaluateAll<T>(source: string, argument: unknown = null): Promise<T> {
    return this.page.run<T>(this.#call(source, argument));
  }

  /** An expression that calls `source` with the elements. */
  #call(source: string, argument: unknown = null): string {
    const steps = JSON.stringify(this.steps);
    return `(() => { ${String(findElements)}; return (${source})(findElements(${steps}), ${JSON.stringify(argument)}); })()`;
  }
}

function matchOf(text: string | RegExp, exact = false): Match {
  return typeof text === "string" ? { text, exact } : { pattern: text.source };
}

/** The part of Playwright's `Page` that the tests use, on a window of WebKit. */
import { setTimeout as sleep } from "node:timers/promises";
import { WebKitLocator } from "./locator.ts";
import type { WebKitSession } from "./session.ts";

/** WebDriver's code for each key that prints nothing. */
const KEYS: Readonly<Record<string, string>> = {
  Enter: "\uE007",
  Escape: "\uE00C",
  Tab: "\uE004",
  Space: " ",
  F2: "\uE032",
  ArrowLeft: "\uE012",
  ArrowUp: "\uE013",
  ArrowRight: "\uE014",
  ArrowDown: "\uE015",
  Home: "\uE011",
  Control: "\uE009",
  Shift: "\uE008",
};

export class WebKitPage {
  readonly #session: WebKitSession;
  readonly #handle: string;
  readonly #root: WebKitLocator;
  #calls = 0;

  constructor(session: WebKitSession, handle: string) {
    this.#session = session;
    this.#handle = handle;
    this.#root = new WebKitLocator(this, []);
  }

  locator: WebKitLocator["locator"] = (...args) => this.#root.locator(...args);
  getByRole: WebKitLocator["getByRole"] = (...args) => this.#root.getByRole(...args);
  getByText: WebKitLocator["getByText"] = (...args) => this.#root.getByText(...args);

  readonly keyboard = {
    press: (keys: string) => this.#type(keys.split("+").map((key) => KEYS[key] ?? key)),
    type: async (text: string) => {
      for (const letter of text) await this.#type([letter]);
    },
  };

  #at = { x: 0, y: 0 };
  /** The button stays down between these calls, because WebDriver keeps the state of its devices. */
  readonly mouse = {
    move: async (x: number, y: number, { steps = 1 }: { readonly steps?: number } = {}) => {
      const from = this.#at;
      for (let n = 1; n <= steps; n++) {
        const way = n / steps;
        const at = { x: Math.round(from.x + (x - from.x) * way), y: Math.round(from.y + (y - from.y) * way) };
        await this.#point({ type: "pointerMove", duration: 0, origin: "viewport", ...at });
      }
      this.#at = { x, y };
    },
    down: () => this.#point({ type: "pointerDown", button: 0 }),
    up: () => this.#point({ type: "pointerUp", button: 0 }),
  };

  async goto(url: string): Promise<void> {
    await this.#send("POST", "/url", { url });
  }

  async reload(): Promise<void> {
    await this.#send("POST", "/refresh", {});
  }

  async close(): Promise<void> {
    await this.#send("DELETE", "/window");
  }

  async bringToFront(): Promise<void> {
    await this.#send("POST", "/window/rect", { x: 0, y: 0 });
  }

  waitForTimeout(ms: number): Promise<void> {
    return sleep(ms);
  }

  /** WebDriver reports no errors of a page. */
  on(): void {}

  /** Runs a function in the page. Other calls can run meanwhile, also in the same page. */
  async evaluate(work: (argument: never) => unknown, argument: unknown = null): Promise<unknown> {
    const id = `${this.#handle}-${this.#calls++}`;
    const call = `(${String(work)})(${JSON.stringify(argument) ?? "undefined"})`;
    await this.run(`void (() => {
      const results = (window.webkitResults ??= {});
      results[${JSON.stringify(id)}] = null;
      const settle = (result) => { results[${JSON.stringify(id)}] = result; };
      Promise.resolve().then(() => ${call}).then((value) => settle({ value }), (error) => settle({ error: String(error) }));
    })()`);
    for (;;) {
      const result = await this.run<{ readonly value?: unknown; readonly error?: string } | null | undefined>(
        `window.webkitResults[${JSON.stringify(id)}]`,
      );
      if (result === undefined) throw new Error("The page was left before the call returned");
      if (result?.error !== undefined) throw new Error(`In the page: ${result.error}`);
      if (result) return result.value;
      await sleep(20);
    }
  }

  async waitForFunction(
    work: (argument: never) => unknown,
    argument: unknown = null,
    { timeout = 30_000 }: { readonly timeout?: number } = {},
  ): Promise<void> {
    const deadline = Date.now() + timeout;
    while (!(await this.run<boolean>(`!!(${String(work)})(${JSON.stringify(argument)})`))) {
      if (Date.now() > deadline) throw new Error(`Not in time: ${String(work)}`);
      await sleep(30);
    }
  }

  /** Returns the value of an expression, as JSON. */
  async run<T>(expression: string): Promise<T> {
    const text = await this.#send("POST", "/execute/sync", {
      script: `return JSON.stringify(${expression})`,
      args: [],
    });
    return (typeof text === "string" ? JSON.parse(text) : undefined) as T;
  }

  async clickElement(expression: string): Promise<void> {
    await this.#session.inWindow(this.#handle, async () => {
      const element = await this.#session.send("POST", "/execute/sync", { script: `return ${expression}`, args: [] });
      const [id] = Object.values(element ?? {}).map(String);
      await this.#session.send("POST", `/element/${id}/click`, {});
    });
  }

  async #type(keys: readonly string[]): Promise<void> {
    const down = keys.map((value) => ({ type: "keyDown", value }));
    const up = keys.toReversed().map((value) => ({ type: "keyUp", value }));
    await this.#send("POST", "/actions", { actions: [{ type: "key", id: "keyboard", actions: [...down, ...up] }] });
  }

  async #point(action: object): Promise<void> {
    const device = { type: "pointer", id: "mouse", parameters: { pointerType: "mouse" }, actions: [action] };
    await this.#send("POST", "/actions", { actions: [device] });
  }

  #send(method: "GET" | "POST" | "DELETE", path: string, body?: object): Promise<unknown> {
    return this.#session.inWindow(this.#handle, () => this.#session.send(method, path, body));
  }
}

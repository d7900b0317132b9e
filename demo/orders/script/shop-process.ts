/** The shop's server as a child process, which the script kills, stops and starts again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { SalesRelease } from "../server/shop.ts";

const main = fileURLToPath(new URL("../server/main.ts", import.meta.url));

export class ShopProcess {
  readonly #file: string;
  readonly #baseEvery: number;
  #child: ChildProcess | null = null;
  #origin = "";

  /** @param baseEvery events between two bases */
  constructor(file: string, baseEvery: number) {
    this.#file = file;
    this.#baseEvery = baseEvery;
  }

  async start(release: SalesRelease): Promise<void> {
    const options = { ORDERS_DB: this.#file, ORDERS_SALES: release, ORDERS_BASE_EVERY: String(this.#baseEvery) };
    const env = { ...process.env, ...options, PORT: "0" };
    const child = spawn(process.execPath, ["--conditions=dacapo-source", main], {
      stdio: ["ignore", "pipe", "inherit"],
      env,
    });
    this.#child = child;
    for await (const line of createInterface({ input: child.stdout })) {
      const [, origin] = /listening on (http:\/\/\S+)/.exec(line) ?? [];
      if (origin === undefined) continue;
      this.#origin = origin;
      return;
    }
    throw new Error("The shop's server ended before it listened");
  }

  /** The address of the sync server. */
  get syncUrl(): string {
    return `${this.#origin}/sync`;
  }

  /** `SIGKILL` ends it in the middle of whatever it does. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }

  /** Calls the API. Throws if there is no server, or if it answers with an error. */
  async call(method: "GET" | "POST", path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.#origin}/api${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }
}

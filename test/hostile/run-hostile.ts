/**
 * Thousands of hostile inputs against a real server, and the state of the server afterwards.
 *
 * Guarantees:
 * - The server answers 5xx only to say "come again later" or "the disk is full".
 * - No error stays uncaught, and no prototype changes.
 * - A good client is served all the time.
 * - The log consists of acknowledged pushes alone, and a client can read it.
 * - Memory does not grow with the inputs.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readableLog } from "../support/readable-log.ts";
import { seededRandom } from "../support/random.ts";
import { startServerChild } from "../support/server-child/start.ts";
import { GoodClient } from "./good-client.ts";
import { nextInput } from "./inputs.ts";
import { slowConnection } from "./raw.ts";
import { type Answer, Target } from "./target.ts";
import { parseOwnJson } from "../support/own-json.ts";

export type HostileOptions = {
  readonly inputs: number;
  readonly seed: number;
  readonly progress?: (line: string) => void;
};

export type HostileResult = {
  readonly inputs: number;
  /** Answers 5xx outside the design, and failures that the server reported to its operator. */
  readonly serverErrors: readonly string[];
  /** Errors that ended the process, or that no code caught. */
  readonly crashes: readonly string[];
  /** All other broken guarantees. */
  readonly findings: readonly string[];
  readonly statuses: ReadonlyMap<string, number>;
  readonly grownBytes: number;
  readonly records: number;
};

const AT_ONCE = 12;
/** Inputs before the first measurement of memory, so that code is loaded and caches are filled. */
const WARM_UP_SHARE = 0.2;
const GROWN_BYTES_MAX = 48 * 1024 * 1024;
const SLOW_CONNECTIONS = 5;

export async function runHostile({ inputs, seed, progress = () => {} }: HostileOptions): Promise<HostileResult> {
  const folder = await mkdtemp(join(tmpdir(), "dacapo-hostile-"));
  const server = await startServerChild();
  const rate = { perSecond: 1e6, burst: 1e6 };
  // Without rates, because a refused request does not reach the code behind them.
  const { url, port } = await server.serve({
    store: { file: join(folder, "logs.db") },
    limits: { requestRate: rate, commitRate: rate },
  });
  const target = new Target(port);
  const good = new GoodClient(url, target.log);
  const random = seededRandom(seed);
  const seen = new Seen();
  const slow = Array.from({ length: SLOW_CONNECTIONS }, (_, n) =>
    n % 2 === 0
      ? slowConnection(port, "GET /sync/logs/x HTTP/1.1\r\nhost: x\r\n", "a", 500)
      : slowConnection(
          port,
          `POST /sync/logs/${target.log}/commits HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${target.actor}\r\ncontent-type: application/json\r\ncontent-length: 10000\r\n\r\n`,
          " ",
          500,
        ),
  );
  const run = async (count: number): Promise<void> => {
    let left = count;
    const worker = async () => {
      while (left > 0 && !server.hasEnded()) {
        const n = left--;
        const input = nextInput(target, random);
        seen.take(input.kind, await input.send());
        if (n % 10 === 0) seen.found(await good.push());
        if (n % 1_000 === 0) progress(`${count - n} of ${count}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  };
  try {
    seen.found(await good.open());
    const first = await server.report();
    await run(Math.floor(inputs * WARM_UP_SHARE));
    const before = await server.report();
    await run(inputs - Math.floor(inputs * WARM_UP_SHARE));
    if (server.hasEnded())
      return {
        inputs,
        serverErrors: seen.serverErrors,
        crashes: ["The server process ended"],
        findings: seen.findings,
        statuses: seen.statuses,
        grownBytes: 0,
        records: 0,
      };
    seen.found(await good.seesItsOwn());
    target.close();
    slow.forEach((socket) => socket.destroy());
    const end = await server.report();
    const grownBytes = Math.max(0, end.memory.used - before.memory.used);
    if (grownBytes > GROWN_BYTES_MAX) seen.found(`Memory grew by ${grownBytes} bytes`);
    if (end.prototypes !== first.prototypes) seen.found(`A prototype was touched: ${end.prototypes}`);
    const log = await readableLog(url, target.log, "ada");
    seen.compare(log, good.recorded);
    return {
      inputs,
      serverErrors: [...seen.serverErrors, ...end.firstFailures],
      crashes: end.uncaught,
      findings: seen.findings,
      statuses: seen.statuses,
      grownBytes,
      records: log.length,
    };
  } finally {
    slow.forEach((socket) => socket.destroy());
    good.close();
    target.close();
    await server.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The answer to an input, and its problem. */
class Seen {
  readonly serverErrors: string[] = [];
  readonly findings: string[] = [];
  readonly statuses = new Map<string, number>();
  readonly #recorded = new Set<string>();

  take(kind: string, { status, text }: Answer): void {
    const key = `${kind}: ${status ?? "no answer"}`;
    this.statuses.set(key, (this.statuses.get(key) ?? 0) + 1);
    if (status === null) return;
    // 503 says "later" (overloaded, restarting), 507 that the disk is full: both by design.
    if (status >= 500 && status !== 503 && status !== 507)
      this.serverErrors.push(`${kind} was answered ${status} ${text.slice(0, 300)}`);
    if (status !== 200 || !text.startsWith('{"outcomes"')) return;
    const { outcomes } = parseOwnJson<{ outcomes: { id: string; outcome: string }[] }>(text);
    for (const { id, outcome } of outcomes) if (outcome === "recorded") this.#recorded.add(id);
  }

  found(finding: string | null): void {
    if (finding !== null) this.findings.push(finding);
  }

  /** The log holds exactly the acknowledged commits of all clients, and each record names the actor who pushed it. */
  compare(log: readonly { readonly commit: string; readonly actor: string }[], good: ReadonlySet<string>): void {
    const inLog = new Map(log.map(({ commit, actor }) => [commit, actor]));
    if (inLog.size !== log.length) this.found("A commit stands in the log twice");
    for (const [commit, actor] of inLog) {
      const owner = good.has(commit) ? "ada" : this.#recorded.has(commit) ? "mallory" : null;
      if (owner !== actor)
        this.found(`Commit ${commit} of ${actor} stands in the log, acknowledged to ${owner ?? "nobody"}`);
    }
    for (const commit of [...good, ...this.#recorded])
      if (!inLog.has(commit)) this.found(`Commit ${commit} was acknowledged and is not in the log`);
  }
}

/** Rules for a device that joins by a base: the base changes, is damaged or is of another version. */
import { expect } from "vitest";
import { defineDomain } from "dacapo";
import type { BaseHeader } from "../../src/core/wire/messages.ts";
import { recordsOf } from "../../src/client/stores/batches.ts";
import { memoryLogStore } from "../../src/client/stores/memory-log-store.ts";
import type { Transport } from "../../src/client/sync/transport.ts";
import { parseBaseHeader } from "../../src/core/wire/read-messages.ts";
import { keysOf } from "../../src/testing/model-store/samples.ts";
import type { Follower, ModelStore } from "../../src/sync-server/stores/model-store.ts";
import { board, column, columnCounts, domain, task } from "./board-domain.ts";
import { type Device, device, type Tab, until } from "./device.ts";

/** A server with the options of `base-options.ts`. Its tokens are `token-of-ada` and `token-of-bob`. */
export type BaseWorld = {
  readonly url: string;
  readonly log: string;
  /** Changes the server's store behind its back. */
  readonly withModels: (run: (models: ModelStore) => Promise<void>) => Promise<void>;
};

/** `check` returns where the log of the new device begins: at a base, or at its first record. */
export type BaseRule = {
  readonly name: string;
  readonly begins: "base" | 1;
  readonly check: (world: BaseWorld) => Promise<"base" | number>;
};

const TASKS = 25;
const token = (user: string) => () => Promise.resolve(`token-of-${user}`);
const add = (n: number) => task.command.add(`t${n}`, { title: `Task ${n}`, column: "todo" });

async function longLog({ url, log }: BaseWorld): Promise<Tab> {
  const ada = await device(domain, log, "ada").open({ url, token: token("ada") });
  await ada.execute([column.command.add("todo", { name: "To do" })]);
  for (let n = 0; n < TASKS; n++) await ada.execute([add(n)]);
  await until(() => ada.status().pending === 0, "the tasks are recorded");
  return ada;
}

async function headerOf({ url, log }: BaseWorld): Promise<BaseHeader | null> {
  const headers = { authorization: "Bearer token-of-ada" };
  const answer = await fetch(`${url}/logs/${log}/base`, { headers });
  const text = await answer.text();
  const header = answer.ok ? parseBaseHeader(text) : null;
  return header?.ok ? header.value : null;
}

const baseBehind = (world: BaseWorld, position: number) =>
  until(async () => ((await headerOf(world))?.cursor.position ?? 0) >= position, `a base at ${position}`);

/** Where the log of a device begins: at a base, or at its first record. */
async function beginningOf({ database }: Device): Promise<"base" | number> {
  const { base, batches } = await memoryLogStore(database).refresh({ position: 0, pendingTail: 0 });
  if (base) return "base";
  return batches[0] ? (recordsOf(batches[0])[0]?.position ?? 0) : 0;
}

/** A new device makes a commit, and then syncs. Checks its rows and its commit, and returns where its log begins. */
async function join(world: BaseWorld, ada: Tab, options: Parameters<Device["open"]>[0] = {}): Promise<"base" | number> {
  const joined = device(domain, world.log, "bob");
  const bob = await joined.open({ url: world.url, token: token("bob"), paused: true, ...options });
  await bob.execute([task.command.add("mine", { title: "Mine", column: "todo" })]);
  bob.api.setPaused(false);
  const isSame = () => bob.status().position === ada.status().position && ada.rows("board").has("task/mine");
  await until(() => bob.status().pending === 0 && isSame(), "bob has the log and ada has his task");
  expect(Object.fromEntries(bob.rows("board"))).toEqual(Object.fromEntries(ada.rows("board")));
  expect(bob.status()).toMatchObject({ rejections: 0, sentAgain: null });
  await Promise.all([bob.close(), ada.close()]);
  return beginningOf(joined);
}

const basesIn = (followers: readonly Follower[]) => followers.filter(({ name }) => /^base\/\w+\/\d+$/.test(name));

async function eachBase(
  { log, withModels }: BaseWorld,
  change: (models: ModelStore, base: Follower) => Promise<unknown>,
  isMeant: (base: Follower) => boolean = () => true,
): Promise<void> {
  await withModels(async (models) => {
    const found = await models.followers(log);
    for (const base of basesIn(found.kind === "open" ? found.followers : []))
      if (isMeant(base)) await change(models, base);
  });
}

/** The first page meets what `before` does first. */
function beforeFirstPage(before: () => Promise<void>, calls: string[]) {
  let isFirst = true;
  return (inner: Transport): Transport => ({
    ...inner,
    base: () => (calls.push("base"), inner.base?.() ?? Promise.resolve(null)),
    basePage: async (...args) => {
      if (isFirst) await ((isFirst = false), before());
      const page = (await inner.basePage?.(...args)) ?? null;
      calls.push(page === null ? "404" : "page");
      return page;
    },
  });
}

export const baseRules: readonly BaseRule[] = [
  {
    name: "join: a new device takes the base and what follows, and its pending work is recorded",
    begins: "base",
    check: async (world) => {
      const ada = await longLog(world);
      await baseBehind(world, 10);
      return join(world, ada);
    },
  },
  {
    name: "failure 24: a base that goes while a device reads it costs a 404, and the device joins by the next one",
    begins: "base",
    check: async (world) => {
      const ada = await longLog(world);
      await baseBehind(world, 10);
      const calls: string[] = [];
      const changes = async () => {
        const first = (await headerOf(world))?.cursor.position ?? 0;
        for (let n = 0; n < 12; n++) await ada.execute([add(TASKS + n)]);
        await baseBehind(world, first + 10);
        // As ten minutes later.
        const isOld = ({ at }: Follower) => (at?.position ?? 0) <= first;
        await eachBase(
          world,
          (models, { name, revision }) =>
            models.write(world.log, { followers: [{ name, revision, next: null }], rows: [] }),
          isOld,
        );
      };
      const beginning = await join(world, ada, { transport: beforeFirstPage(changes, calls) });
      expect(calls.slice(0, 4)).toEqual(["base", "404", "base", "page"]);
      return beginning;
    },
  },
  {
    name: "failure 25: a damaged bucket of a base is refused, and the device pulls the whole log",
    begins: 1,
    check: async (world) => {
      const ada = await longLog(world);
      await baseBehind(world, 10);
      await eachBase(world, async (models, { name, revision, at, text }) => {
        const page = await models.rows(world.log, name, "pages", keysOf("000000"));
        const damaged = (page?.rows[0]?.[1] ?? "").replace("Task 1", "Tusk 1");
        const rows = [{ follower: name, table: "pages", set: [["000000", damaged] as const], remove: [] }];
        const next = { at, text, wake: null, tables: { pages: "keep" } } as const;
        const { kind } = await models.write(world.log, { followers: [{ name, revision, next }], rows });
        expect(kind).toBe("ok");
      });
      return join(world, ada);
    },
  },
  {
    name: "failure 25: a base of another version is refused, and the device pulls the whole log",
    begins: 1,
    check: async (world) => {
      const ada = await longLog(world);
      await baseBehind(world, 10);
      const release = defineDomain({
        version: 2,
        aggregates: [task, column],
        projections: [{ ...board, definition: { ...board.definition, version: 2 } }, columnCounts],
      });
      return join(world, ada, { release });
    },
  },
];

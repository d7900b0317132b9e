/** Planted faults of the bases that devices join from. */
import type { StreamState } from "../../../src/core/fold/fold.ts";
import { textHash } from "../../../src/core/fold/packed-tables.ts";
import { STREAMS_TABLE } from "../../../src/core/fold/rows.ts";
import { byteLength } from "../../../src/core/values/byte-length.ts";
import type { BaseNotes } from "../../../src/sync-server/bases/base-followers.ts";
import type { ModelWrite } from "../../../src/sync-server/stores/model-store.ts";
import { parseOwnJson } from "../../support/own-json.ts";
import type { Mutant } from "./mutant.ts";

type Bucket = readonly [table: string, bucket: number, text: string];

/** Returns a page with one bucket of an earlier page: the last one that differs. */
function mixed(page: string, earlier: string): string {
  const buckets = parseOwnJson<readonly Bucket[]>(page);
  const before = new Map(parseOwnJson<readonly Bucket[]>(earlier).map(([table, n, text]) => [`${table} ${n}`, text]));
  const at = buckets.findLastIndex(([table, n, text]) => (before.get(`${table} ${n}`) ?? text) !== text);
  return JSON.stringify(
    buckets.map(([table, n, text], index) => [table, n, index === at ? before.get(`${table} ${n}`) : text]),
  );
}

/** Returns a page whose streams have one version more than they have. */
function withHigherVersions(page: string): string {
  const raised = (text: string) =>
    JSON.stringify(
      parseOwnJson<readonly [string, StreamState][]>(text).map(([key, state]) => [
        key,
        { ...state, version: state.version + 1 },
      ]),
    );
  return JSON.stringify(
    parseOwnJson<readonly Bucket[]>(page).map(([table, n, text]) => [
      table,
      n,
      table.startsWith(`${STREAMS_TABLE}<`) ? raised(text) : text,
    ]),
  );
}

/** Changes the pages of each base in a write, and the sizes and hashes of its header with them. */
function withPages({ followers, rows }: ModelWrite, change: (page: string, base: string) => string): ModelWrite {
  const changed = rows.map((one) =>
    one.follower.startsWith("base/")
      ? { ...one, set: one.set.map(([key, text]) => [key, text && change(text, one.follower)] as const) }
      : one,
  );
  const pagesOf = (base: string) =>
    changed
      .filter(({ follower }) => follower === base)
      .flatMap(({ set }) => set.map(([, text]) => ({ bytes: byteLength(text ?? ""), hash: textHash(text ?? "") })));
  return {
    rows: changed,
    followers: followers.map((one) => {
      const pages = pagesOf(one.name);
      if (one.next === null || one.next === "check" || pages.length === 0) return one;
      const notes: BaseNotes = { ...parseOwnJson<BaseNotes>(one.next.text), pages };
      return { ...one, next: { ...one.next, text: JSON.stringify(notes) } };
    }),
  };
}

export const baseMutants: readonly Mutant[] = [
  {
    name: "base-of-two-cursors",
    what: "a base has one bucket of the base before it",
    faults: ["bases"],
    parts: () => {
      const pages = new Map<string, string>();
      return {
        eventStore: ({ models, ...store }) => ({
          ...store,
          ...(models && {
            models: {
              ...models,
              write: (log, write) =>
                models.write(
                  log,
                  withPages(write, (page, base) => {
                    const bases = `${log} ${base.slice(0, base.lastIndexOf("/"))}`;
                    const earlier = pages.get(bases);
                    pages.set(bases, page);
                    return earlier === undefined ? page : mixed(page, earlier);
                  }),
                ),
            },
          }),
        }),
      };
    },
  },
  {
    name: "base-of-later-versions",
    what: "a base says that its streams have one event more than they have",
    faults: ["bases"],
    parts: () => ({
      eventStore: ({ models, ...store }) => ({
        ...store,
        ...(models && {
          models: { ...models, write: (log, write) => models.write(log, withPages(write, withHigherVersions)) },
        }),
      }),
    }),
  },
  {
    name: "dropped-base-forgets-its-end",
    what: "a device that drops its base forgets the end of its log, so that a restore in the meantime loses commits",
    // The server must go back between a new release on the device and the first answer to it. Few worlds do that.
    // found.test.ts has this seed too, without the planted fault.
    faults: ["bases", "releases", "restore", "cut"],
    firstSeed: 13_789,
    parts: () => ({
      logStore: (store, { database }) => ({
        ...store,
        cutBack: (expected, keep, pending, dropped) =>
          store.cutBack(expected, keep, pending, database.open().base === null ? dropped : undefined),
      }),
    }),
  },
];

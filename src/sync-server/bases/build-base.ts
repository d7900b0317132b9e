/**
 * Makes the next base of a log: reads the last one, folds the records behind it, and writes the result as pages.
 *
 *     base/F/20000 ── read ──> rows ── fold 20001 … 30000 ──> pages ── base/F/next, 4 MiB at a time ──┐
 *                                                              base/F/30000  <── the table moves ─────┘
 *
 * Guarantees (bases.test.ts, base.byte-equal.test.ts):
 * - The buckets are those of a device that folds the same records, byte for byte.
 * - A base has the cursor of its rows, and is there as a whole or not at all (M2, M7).
 * - A build that must rest leaves a base at the cursor that it reached. The next build begins there
 *   (cloudflare.bases.test.ts).
 * - If two nodes make a base at once, one of them writes it and the other one stops (M1).
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { foldRecord } from "../../core/fold/fold.ts";
import { packTables, tableNames, unpackTables } from "../../core/fold/packed-tables.ts";
import { ConfirmedRows } from "../../core/fold/rows.ts";
import { type Cursor, cursorOf, positionOf } from "../../core/history/record.ts";
import type { LogName } from "../../core/values/ids.ts";
import { type Env, wait } from "../base/env.ts";
import type { EventStore } from "../stores/event-store.ts";
import type { FollowerWrite, ModelStore } from "../stores/model-store.ts";
import { readKeys } from "../stores/read-keys.ts";
import { recordIn } from "../stores/stored-record.ts";
import { baseName, baseNotesText, pageKey, PAGES, type StoredBase, unfinishedName } from "./base-followers.ts";
import { pagesOf, readPages } from "./base-pages.ts";
import type { BaseOptions } from "./base-option.ts";

export type BuildContext = {
  readonly domain: DomainDefinition;
  readonly store: EventStore;
  readonly modelStore: ModelStore;
  readonly fingerprint: string;
  readonly options: Required<BaseOptions>;
  readonly env: Env;
  /** True: pushes wait. */
  readonly isBusy: () => boolean;
  /** True: the build ends after its step. */
  readonly isClosed: () => boolean;
  /** True: the build folds no more records, and makes a base of those it has. */
  readonly isOver: () => boolean;
  /** Keeps the lease. False: another node has it. */
  readonly keepLease: () => Promise<boolean>;
};

/** The log can have no base now: its rows are too large, or an event cannot be folded. */
export type Unfit = { readonly kind: "unfit"; readonly reason: "too-large" | "parked" };

export type Built =
  | { readonly kind: "built"; readonly at: Cursor }
  | Unfit
  /** Another node is faster, the server closes, or the log is gone. */
  | { readonly kind: "left" }
  /** The base that this one would begin from is damaged, or of another history. */
  | { readonly kind: "newest-lost" };

/** One page is a few milliseconds of work, because `node:sqlite` and folding block the other work of the process. */
const PAGE = { events: 500, bytes: 1024 * 1024 };
/** Bytes of a write. A larger base is written in steps. */
const WRITE_BYTES = 4 * 1024 * 1024;
/** A build works a fifth of the time while pushes wait, as long folds of read models do. */
const REST_TIMES = 4;
/** Milliseconds of one page, at most. A longer one is a jump of the clock, such as after the machine slept. */
const PAGE_MS_MAX = 10_000;

export async function buildBase(context: BuildContext, log: LogName, newest: StoredBase | null): Promise<Built> {
  const { domain, options } = context;
  const rows = new ConfirmedRows(domain, () => {});
  if (newest && !(await restore(context, log, newest, rows))) return { kind: "newest-lost" };
  const end = await foldBehind(context, log, newest, rows);
  if (end.kind !== "end") return end.kind === "diverged" ? { kind: "newest-lost" } : { kind: "left" };
  const { at } = end;
  if (at === null) return { kind: "left" };
  if (rows.parkedCount > 0) return { kind: "unfit", reason: "parked" };
  const packed = pagesOf(packTables(domain, rows), options.bytesMax);
  if (packed.kind === "too-large") return { kind: "unfit", reason: "too-large" };
  const isWritten = await writePages(context, log, at, packed.texts, packed.pages);
  return isWritten ? { kind: "built", at } : { kind: "left" };
}

async function restore(
  { domain, modelStore }: BuildContext,
  log: LogName,
  { follower, notes }: StoredBase,
  rows: ConfirmedRows,
): Promise<boolean> {
  const texts: string[] = [];
  for (const n of notes.pages.keys()) {
    const page = await readKeys(modelStore, log, follower.name, PAGES, [pageKey(n)]);
    texts.push(page.get(pageKey(n)) ?? "");
  }
  const tables = readPages(notes.tables, texts);
  const fill = tables && unpackTables(domain, tables);
  fill?.(rows);
  return Boolean(fill);
}

async function foldBehind(
  { domain, store, env, ...context }: BuildContext,
  log: LogName,
  newest: StoredBase | null,
  rows: ConfirmedRows,
): Promise<{ readonly kind: "end"; readonly at: Cursor | null } | { readonly kind: "diverged" | "left" }> {
  const { bytesMax } = context.options;
  let at = newest?.at ?? null;
  // Rows grow about as fast as the records that make them. So a build stops before it fills the memory.
  let room = (newest?.notes.pages ?? []).reduce((left, { bytes }) => left - bytes, bytesMax);
  for (;;) {
    if (context.isClosed() || !(await context.keepLease())) return { kind: "left" };
    const startedAt = env.now();
    const page = await store.read(log, at, PAGE);
    if (page.kind === "diverged") return { kind: "diverged" };
    if (page.kind !== "page") return { kind: "left" };
    for (const stored of page.records) {
      const record = recordIn(log, stored);
      foldRecord(domain, rows, record);
      at = cursorOf(record);
      room -= stored.text.length;
    }
    if (positionOf(at) >= positionOf(page.head) || rows.parkedCount > 0) return { kind: "end", at };
    if (room <= 0) room = bytesMax - packedBytes(domain, rows);
    // `buildBase` packs the rows, and finds that they are too large.
    if (room <= 0) return { kind: "end", at };
    room = Math.max(room, PAGE.bytes);
    await env.nextTurn();
    if (context.isOver()) return { kind: "end", at };
    if (context.isBusy()) await wait(env, REST_TIMES * Math.min(Math.max(1, env.now() - startedAt), PAGE_MS_MAX));
  }
}

function packedBytes(domain: DomainDefinition, rows: ConfirmedRows): number {
  return packTables(domain, rows)
    .flatMap(({ buckets }) => buckets)
    .reduce((bytes, { text }) => bytes + text.length, 0);
}

/** Writes all pages but the last ones beside the bases. The last write moves them, and adds the last ones. */
async function writePages(
  { domain, modelStore, fingerprint, env, ...context }: BuildContext,
  log: LogName,
  at: Cursor,
  texts: readonly string[],
  pages: StoredBase["notes"]["pages"],
): Promise<boolean> {
  const unfinished = unfinishedName(fingerprint);
  const found = await modelStore.followers(log);
  if (found.kind !== "open") return false;
  const left = found.followers.find(({ name }) => name === unfinished);
  let revision = left?.revision ?? 0;
  const slices = slicesOf(pages);
  const rowsOf = (follower: string, slice: readonly number[]) => [
    { follower, table: PAGES, set: slice.map((n) => [pageKey(n), texts[n] ?? ""] as const), remove: [] },
  ];
  for (const [index, slice] of slices.slice(0, -1).entries()) {
    if (context.isClosed() || !(await context.keepLease())) return false;
    const tables = { [PAGES]: index === 0 ? "new" : "keep" } as const;
    const next = { at: null, text: String(env.now()), wake: null, tables };
    const followers = [{ name: unfinished, revision, next }];
    const { kind } = await modelStore.write(log, { followers, rows: rowsOf(unfinished, slice) });
    if (kind !== "ok") return false;
    revision++;
    await env.nextTurn();
  }
  const name = baseName(fingerprint, at);
  const text = baseNotesText({ tables: [...tableNames(domain).values()], pages, madeAt: env.now() });
  const tables = { [PAGES]: slices.length > 1 ? { from: unfinished } : ("new" as const) };
  const base: FollowerWrite = { name, revision: 0, next: { at, text, wake: null, tables } };
  const ended = revision > 0 ? [{ name: unfinished, revision, next: null }] : [];
  const written = await modelStore.write(log, {
    followers: [base, ...ended],
    rows: rowsOf(name, slices.at(-1) ?? []),
  });
  return written.kind === "ok";
}

/** Numbers of pages in runs of at most `WRITE_BYTES`. */
function slicesOf(pages: StoredBase["notes"]["pages"]): readonly (readonly number[])[] {
  const slices: number[][] = [[]];
  let bytes = 0;
  for (const [n, page] of pages.entries()) {
    if (bytes + page.bytes > WRITE_BYTES) {
      slices.push([]);
      bytes = 0;
    }
    slices.at(-1)?.push(n);
    bytes += page.bytes;
  }
  return slices;
}

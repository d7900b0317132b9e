/**
 * The followers that hold the bases of a log, and the plan of the next step. Pure.
 *
 *     base/1f0c…/20000   a base: a table of pages at one cursor, which never changes
 *     base/1f0c…/next    the pages of a base that is being written
 *     base/1f0c…/unfit   the note of a build that failed, so that no node repeats it soon
 *
 * Guarantees (base-followers.test.ts):
 * - A base is at one cursor, and never changes. So a device that reads it gets all of it or a 404.
 * - A replaced base stays for ten minutes, and the base of an older release for a day.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { tableNames, textHash } from "../../core/fold/packed-tables.ts";
import { type Cursor, positionOf } from "../../core/history/record.ts";
import type { BaseHeader } from "../../core/wire/messages.ts";
import { parseOwnJson } from "../../core/values/json.ts";
import type { Follower } from "../stores/model-store.ts";
import type { BaseOptions } from "./base-option.ts";

/** The table of a base. Its keys are those of `pageKey`. */
export const PAGES = "pages";

const PREFIX = "base/";
/** A device that reads a base has this time to finish after the next one is there. */
const REPLACED_MS = 10 * 60_000;
const DAY_MS = 24 * 60 * 60_000;
/** A base that another node began and did not finish. */
const ABANDONED_MS = 60 * 60_000;

export type BaseNotes = Pick<BaseHeader, "tables" | "pages"> & {
  /** Milliseconds since the epoch. */
  readonly madeAt: number;
};

/** A stored base. */
export type StoredBase = { readonly follower: Follower; readonly at: Cursor; readonly notes: BaseNotes };

/** Identifies the versions of all aggregates and projections of a domain. */
export function fingerprintOf(domain: DomainDefinition): string {
  return textHash(JSON.stringify([...tableNames(domain).values()]));
}

export function baseName(fingerprint: string, at: Cursor): string {
  return `${PREFIX}${fingerprint}/${at.position}`;
}

export function unfinishedName(fingerprint: string): string {
  return `${PREFIX}${fingerprint}/next`;
}

export function unfitName(fingerprint: string): string {
  return `${PREFIX}${fingerprint}/unfit`;
}

export function pageKey(n: number): string {
  return String(n).padStart(6, "0");
}

export function baseNotesText(notes: BaseNotes): string {
  return JSON.stringify(notes);
}

/** The note of a log that could have no base. It counts until the log has twice the length. */
export type UnfitNotes = {
  /** The end of the log. */
  readonly position: number;
  /** The build is tried again with another limit, or by another version of the domain. */
  readonly bytesMax: number;
  readonly release: number;
  /** Milliseconds since the epoch. */
  readonly madeAt: number;
};

/** The bases of a log, newest first. The bases of this fingerprint come before all other bases. */
export function basesOf(followers: readonly Follower[], fingerprint: string): readonly StoredBase[] {
  const isOwn = ({ follower }: StoredBase): boolean => follower.name.startsWith(`${PREFIX}${fingerprint}/`);
  return followers
    .flatMap((follower) => {
      const { name, at } = follower;
      if (!name.startsWith(PREFIX) || name.endsWith("/next") || at === null) return [];
      const notes = notesOf(follower);
      return notes === null ? [] : [{ follower, at, notes }];
    })
    .sort((left, right) => Number(isOwn(right)) - Number(isOwn(left)) || right.at.position - left.at.position);
}

function notesOf(follower: Follower): BaseNotes | null {
  const notes = parsedText<BaseNotes>(follower);
  return notes && Array.isArray(notes.pages) && Array.isArray(notes.tables) ? notes : null;
}

function parsedText<Notes>({ text }: Follower): Notes | null {
  try {
    return parseOwnJson<Notes | null>(text);
  } catch {
    return null;
  }
}

export type BasePlan = {
  /** The base that the next one begins from. Null: none of this fingerprint. */
  readonly newest: StoredBase | null;
  readonly isDue: boolean;
  /** The position from which the next base is due, unless the newest one is a day old. */
  readonly dueFrom: number;
  /** The note of the last build, if that build could make no base. */
  readonly unfit: Follower | null;
  /** Followers whose time is over. */
  readonly over: readonly Follower[];
  /** When the next follower's time is over, in milliseconds since the epoch. Infinity: none. */
  readonly overAt: number;
};

export function planBase(
  followers: readonly Follower[],
  head: Cursor | null,
  {
    fingerprint,
    everyEvents,
    bytesMax,
    release,
    now,
  }: Required<BaseOptions> & { readonly fingerprint: string; readonly release: number; readonly now: number },
): BasePlan {
  const bases = basesOf(followers, fingerprint);
  const own = bases.filter(({ follower }) => follower.name.startsWith(`${PREFIX}${fingerprint}/`));
  const [newest = null] = own;
  const unfit = followers.find(({ name }) => name === unfitName(fingerprint)) ?? null;
  const failed = unfit && parsedText<UnfitNotes>(unfit);
  const triedFrom = failed?.bytesMax === bytesMax && failed.release === release ? 2 * failed.position : 0;
  const dueFrom = Math.max(positionOf(newest?.at ?? null) + everyEvents, triedFrom);
  const behind = positionOf(head) - positionOf(newest?.at ?? null);
  const isOld = newest !== null && now - newest.notes.madeAt >= DAY_MS;
  const ends = bases.flatMap((base) => {
    if (newest === null || base === newest) return [];
    const until = own.includes(base) ? newest.notes.madeAt + REPLACED_MS : base.notes.madeAt + DAY_MS;
    return [{ follower: base.follower, until }];
  });
  const unfinished = followers.flatMap((follower) => {
    if (!follower.name.startsWith(PREFIX) || !follower.name.endsWith("/next")) return [];
    return [{ follower, until: (Number(follower.text) || 0) + ABANDONED_MS }];
  });
  const unfitOfOthers = followers.flatMap((follower) => {
    if (!follower.name.startsWith(PREFIX) || !follower.name.endsWith("/unfit") || follower === unfit) return [];
    return [{ follower, until: (parsedText<UnfitNotes>(follower)?.madeAt ?? 0) + DAY_MS }];
  });
  const all = [...ends, ...unfinished, ...unfitOfOthers];
  return {
    newest,
    isDue: positionOf(head) >= (isOld && behind > 0 ? triedFrom : dueFrom),
    dueFrom,
    unfit,
    over: all.flatMap(({ follower, until }) => (until <= now ? [follower] : [])),
    overAt: Math.min(...all.flatMap(({ until }) => (until > now ? [until] : []))),
  };
}

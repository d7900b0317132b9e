/**
 * The wire, version 1: what client and sync server say to each other, and the readers that check it.
 *
 * Place: the only border between the two sides; `docs/protocol.md` says the same in prose.
 * Holds: both sides read with these and trust nothing else; a commit is read apart from its envelope, so that a bad one can be
 * answered on its own. Fields that a reader does not know are ignored, so that one version back and forth can talk.
 */
import { COMMANDS_MAX, LIMITS, type Limits, THEIRS_MAX } from "../history/limits.ts";
import { type Commit } from "../history/commit.ts";
import { READS_MAX } from "../domain/definition.ts";
import type { DomainEvent } from "../domain/event.ts";
import { isUuid } from "../values/id.ts";
import {
  anything,
  fail,
  json,
  list,
  literal,
  orNull,
  parse,
  parseText,
  type Reader,
  shape,
  text,
  time,
  whole,
} from "./reader.ts";
import type { Parsed } from "../values/parsed.ts";
import { type CommitRecord, type Cursor, decodeCursor, encodeCursor, lastPosition, MARK } from "../history/record.ts";
import { isStream, parseStream } from "../values/names.ts";

export const PROTOCOL_VERSION = 1;
export type PushEnvelope = {
  readonly after: Cursor | null;
  readonly domain: number;
  readonly commits: readonly unknown[];
};

export type Outcome =
  | { readonly id: string; readonly outcome: "recorded"; readonly at: Cursor }
  | { readonly id: string; readonly outcome: "empty" }
  | RejectedOutcome;

export type RejectedOutcome = {
  readonly id: string;
  readonly outcome: "rejected";
  /** Index of the command that was refused. */
  readonly command: number;
  readonly code: string;
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly theirs?: readonly DomainEvent[];
};

/** A run of records: those after `after`, up to `cursor`. */
export type Page = {
  readonly after: Cursor | null;
  readonly records: readonly CommitRecord[];
  /** Where the reader stands once it has taken the records. */
  readonly cursor: Cursor | null;
  /** Position of the log's last event. */
  readonly head: number;
  /** True where there is more to pull behind `cursor`. */
  readonly more: boolean;
};

export type PushAnswer = Page & {
  readonly outcomes: readonly Outcome[];
  /** Why the rest of the batch was not looked at. */
  readonly stopped?: { readonly id: string; readonly code: string };
};

export type LogInfo = {
  readonly protocol: number;
  readonly cursor: Cursor | null;
  readonly head: number;
  readonly domain: number;
  readonly limits: Limits;
};
/** Someone who has the log open. Not stored. The actor is verified; the client is what they call their device, and others may call theirs the same. */
export type Presence = {
  readonly client: string;
  readonly actor: string;
  readonly data: import("../values/json.ts").Json;
};

export type ServerFrame =
  | (Page & { readonly type: "records" })
  | { readonly type: "head"; readonly head: number }
  /** `gone` is taken before `set`: under a client that is gone, another actor may still be here. */
  | { readonly type: "presence"; readonly set: readonly Presence[]; readonly gone: readonly string[] }
  | { readonly type: "pong" }
  | { readonly type: "bye"; readonly code: string; readonly retryAfterMs?: number };

export type ClientFrame =
  | { readonly type: "presence"; readonly client: string; readonly data: import("../values/json.ts").Json }
  | { readonly type: "ping" };

/** An error as the wire tells it. */
export type WireError = {
  readonly code: string;
  readonly message: string;
  readonly retry: "never" | "later" | "after-fix";
  readonly retryAfterMs?: number;
};

const uuid: Reader<string> = (value, path) =>
  typeof value === "string" && isUuid(value) ? value : fail(path, "is not a UUID in lower case");

const streamText = text(512);
const streamName: Reader<string> = (value, path) => {
  const name = streamText(value, path);
  if (isStream(name)) return name;
  const parsed = parseStream(name);
  return parsed.ok ? name : fail(path, parsed.problem.reason);
};
const NAME = /^[A-Za-z][A-Za-z0-9_-]*$/;
const actor = text(128);
export const cursorReader: Reader<Cursor> = (value, path) =>
  decodeCursor(text(128)(value, path)) ?? fail(path, "is not a cursor");
const seen = { stream: streamName, seen: whole(0) };
const version = whole(1, 1_000_000);
const expected = shape({ type: text(128, NAME), v: version, data: json });
const command = shape(
  { ...seen, reads: list(shape(seen), READS_MAX), name: text(128, NAME), v: version, events: list(expected, 10_000) },
  { input: json },
);

const commitShape = shape({
  id: uuid,
  client: uuid,
  actor,
  time,
  meta: json,
  commands: list(command, COMMANDS_MAX, 1),
});

/** A commit is made at one moment: of one stream its author has seen one version. Others would make the server fold it for each. */
const commit: Reader<Commit> = (value, path) => {
  const read = commitShape(value, path);
  const seenOf = new Map<string, number>();
  for (const place of read.commands.flatMap((one) => [one, ...one.reads])) {
    if ((seenOf.get(place.stream) ?? place.seen) !== place.seen)
      fail([...path, "commands"], `names ${place.stream} as seen at two versions`);
    seenOf.set(place.stream, place.seen);
  }
  return read;
};

const recordEvent = shape({ type: text(128), v: version, stream: streamName, version: whole(1), data: json });

const record: Reader<CommitRecord> = shape(
  {
    position: whole(1),
    mark: text(64, MARK),
    commit: uuid,
    client: uuid,
    actor,
    time,
    received: time,
    meta: json,
    events: list(recordEvent, 100_000, 1),
  },
  { clamped: literal(true) },
);

const domainEvent: Reader<DomainEvent> = shape({
  id: text(64),
  type: text(128),
  data: json,
  aggregate: text(64),
  stream: streamName,
  version: whole(1),
  position: orNull(whole(1)),
  time,
  actor,
  client: uuid,
  meta: json,
});

const outcome: Reader<Outcome> = (value, path) => {
  const { outcome: kind } = shape({ outcome: literal("recorded", "empty", "rejected") })(value, path);
  switch (kind) {
    case "recorded":
      return shape({ id: uuid, outcome: literal("recorded"), at: cursorReader })(value, path);
    case "empty":
      return shape({ id: uuid, outcome: literal("empty") })(value, path);
    case "rejected":
      return shape(
        {
          id: uuid,
          outcome: literal("rejected"),
          command: whole(0, COMMANDS_MAX),
          code: text(128),
          message: text(4096),
        },
        { path: list(pathStep, 64), theirs: list(domainEvent, THEIRS_MAX) },
      )(value, path);
  }
};

const pathStep: Reader<string | number> = (value, path) =>
  typeof value === "number" ? value : text(1024)(value, path);

const pageFields = {
  after: orNull(cursorReader),
  records: list(record, 1_000_000),
  cursor: orNull(cursorReader),
  head: whole(0),
  more: literal(true, false),
};

/** A page whose records follow `after` without a gap and end at `cursor`. */
function continuous<T extends Page>(page: T, path: readonly (string | number)[]): T {
  let position = page.after?.position ?? 0;
  for (const [index, entry] of page.records.entries()) {
    if (entry.position !== position + 1)
      fail([...path, "records", index], `stands at position ${entry.position}, not ${position + 1}`);
    position = lastPosition(entry);
  }
  const last = page.records.at(-1);
  const end = last ? { position, mark: last.mark } : page.after;
  if (end?.position !== page.cursor?.position || end?.mark !== page.cursor?.mark)
    fail([...path, "cursor"], "is not that of the last record");
  return page;
}

const page: Reader<Page> = (value, path) => continuous(shape(pageFields)(value, path), path);

const pushAnswer: Reader<PushAnswer> = (value, path) =>
  continuous(
    shape(
      { ...pageFields, outcomes: list(outcome, LIMITS.pushCommitsMax * 4) },
      { stopped: shape({ id: uuid, code: text(128) }) },
    )(value, path),
    path,
  );

// Functions, because a bundler then drops them from the worker, which does not read the info.
const limits: Reader<Limits> = (value, path) =>
  shape({
    commitBytesMax: whole(1),
    pushBytesMax: whole(1),
    pushCommitsMax: whole(1),
    pageBytesMax: whole(1),
    pageEventsMax: whole(1),
  })(value, path);
const logInfo: Reader<LogInfo> = (value, path) =>
  shape({ protocol: whole(1), cursor: orNull(cursorReader), head: whole(0), domain: whole(0), limits })(value, path);
const presence: Reader<Presence> = shape({ client: uuid, actor, data: json });

const serverFrame: Reader<ServerFrame> = (value, path) => {
  const { type } = shape({ type: literal("records", "head", "presence", "pong", "bye") })(value, path);
  switch (type) {
    case "records":
      return { ...page(value, path), type };
    case "head":
      return shape({ type: literal("head"), head: whole(0) })(value, path);
    case "presence":
      return shape({ type: literal("presence"), set: list(presence, 10_000), gone: list(uuid, 10_000) })(value, path);
    case "pong":
      return { type };
    case "bye":
      return shape({ type: literal("bye"), code: text(128) }, { retryAfterMs: whole(0) })(value, path);
  }
};

const clientFrame: Reader<ClientFrame> = (value, path) => {
  const { type } = shape({ type: literal("presence", "ping") })(value, path);
  return type === "ping" ? { type } : shape({ type: literal("presence"), client: uuid, data: json })(value, path);
};

const wireError: Reader<WireError> = (value, path) =>
  shape({
    error: shape(
      { code: text(128), message: text(4096), retry: literal("never", "later", "after-fix") },
      { retryAfterMs: whole(0) },
    ),
  })(value, path).error;

// How many commits are too many is for the server's own limits to say; here bytes bound them.
const pushEnvelope: Reader<PushEnvelope> = shape({
  after: orNull(cursorReader),
  domain: whole(0),
  commits: list(anything, 1_000_000),
});

export const parsePushEnvelope = (body: string): Parsed<PushEnvelope> => parseText(pushEnvelope, body);
export const parseCommit = (value: unknown): Parsed<Commit> => parse(commit, value);
/** The id and actor of a commit that may be broken otherwise. */
export const parseCommitHead = (value: unknown): Parsed<{ readonly id: string; readonly actor: string }> =>
  parse(shape({ id: uuid, actor }), value);
/** The id of a commit that may be broken otherwise: with it, the commit can be answered on its own. */
export const parseCommitId = (value: unknown): Parsed<{ readonly id: string }> => parse(shape({ id: uuid }), value);
export const parseRecords = (value: unknown): Parsed<readonly CommitRecord[]> => parse(list(record, 1_000_000), value);
export const parsePage = (body: string): Parsed<Page> => parseText(page, body);
export const parsePushAnswer = (body: string): Parsed<PushAnswer> => parseText(pushAnswer, body);
export const parseLogInfo = (body: string): Parsed<LogInfo> => parseText(logInfo, body);
export const parseServerFrame = (frame: string): Parsed<ServerFrame> => parseText(serverFrame, frame);
export const parseClientFrame = (frame: string): Parsed<ClientFrame> => parseText(clientFrame, frame);
export const parseWireError = (body: string): Parsed<WireError> => parseText(wireError, body);

/** A cursor in JSON: its text, or null for the beginning. */
export function wireCursor(at: Cursor | null): string | null {
  return at === null ? null : encodeCursor(at);
}

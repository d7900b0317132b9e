/**
 * The readers of the wire: untrusted JSON to a typed message, or to the place and the reason of a problem.
 *
 * Guarantees:
 * - Both sides read messages only with these functions (P24).
 * - Readers ignore unknown fields, so that a client and a server of neighbouring versions understand each other (P25).
 * - A commit is read apart from its envelope, so that the server can answer a bad commit on its own.
 */
import { READS_MAX } from "../domain/definition.ts";
import type { DomainEvent } from "../domain/event.ts";
import type { Commit, StreamSeen } from "../history/commit.ts";
import { COMMANDS_MAX, DROPPED, LIMITS, type Limits, THEIRS_MAX, TOKEN_LENGTH_MAX } from "../history/limits.ts";
import { type CommitRecord, type Cursor, decodeCursor, lastPosition, MARK, sameCursor } from "../history/record.ts";
import { commitOfEvent, EVENT_ID, isUuid } from "../values/id.ts";
import { isStream, parseStream } from "../values/names.ts";
import type { Parsed, Path } from "../values/parsed.ts";
import type {
  BaseBucket,
  BaseHeader,
  ClientFrame,
  LogInfo,
  Outcome,
  Page,
  Presence,
  PushAnswer,
  PushEnvelope,
  ServerFrame,
  WireError,
} from "./messages.ts";
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
const cause = { causedBy: text(64, EVENT_ID), correlation: uuid };

/** A cursor from its text. */
export const cursorReader: Reader<Cursor> = (value, path) =>
  decodeCursor(text(128)(value, path)) ?? fail(path, "is not a cursor");

const seen = { stream: streamName, seen: whole(0) };
const version = whole(1, 1_000_000);
const expected = shape({ type: text(128, NAME), v: version, data: json });
const command = shape(
  { ...seen, reads: list(shape(seen), READS_MAX), name: text(128, NAME), v: version, events: list(expected, 10_000) },
  { input: json },
);

const commitShape = shape(
  { id: uuid, client: uuid, actor, time, meta: json, commands: list(command, COMMANDS_MAX, 1) },
  { domain: whole(0), onConflict: literal("reject"), ...cause },
);

/**
 * A commit with one seen version of each stream, because its author made it at one moment.
 *
 * Otherwise a client could make the server fold a stream once for each version.
 */
const commit: Reader<Commit> = (value, path) => {
  const read = commitShape(value, path);
  const seenOf = new Map<string, number>();
  const note = ({ stream, seen: version }: StreamSeen): void => {
    if ((seenOf.get(stream) ?? version) !== version)
      fail([...path, "commands"], `names two seen versions of ${stream}`);
    seenOf.set(stream, version);
  };
  for (const one of read.commands) {
    note(one);
    one.reads.forEach(note);
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
  { clamped: literal(true), ...cause },
);

const domainEventShape = shape(
  {
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
  },
  cause,
);

/** A server of an earlier release sends no correlation, and has no causes. */
const domainEvent: Reader<DomainEvent> = (value, path) => {
  const event = domainEventShape(value, path);
  return { ...event, correlation: event.correlation ?? commitOfEvent(event.id) };
};

const outcome: Reader<Outcome> = (value, path) => {
  const { outcome: kind } = shape({ outcome: literal("recorded", "empty", "rejected") })(value, path);
  switch (kind) {
    case "recorded":
      return shape(
        { id: uuid, outcome: literal("recorded"), at: cursorReader },
        { dropped: list(text(DROPPED.length), DROPPED.count) },
      )(value, path);
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

/** Returns the page if its records follow `after` without a gap and end at `cursor`. Otherwise it fails. */
function requireContinuous<T extends Page>(page: T, path: Path): T {
  let position = page.after?.position ?? 0;
  for (const [index, entry] of page.records.entries()) {
    if (entry.position !== position + 1)
      fail([...path, "records", index], `has position ${entry.position}, not ${position + 1}`);
    position = lastPosition(entry);
  }
  const last = page.records.at(-1);
  const end = last ? { position, mark: last.mark } : page.after;
  if (!sameCursor(end, page.cursor)) fail([...path, "cursor"], "is not the cursor of the last record");
  return page;
}

const page: Reader<Page> = (value, path) =>
  requireContinuous(shape(pageFields, { domain: whole(0) })(value, path), path);

const pushAnswer: Reader<PushAnswer> = (value, path) =>
  requireContinuous(
    shape(
      { ...pageFields, outcomes: list(outcome, LIMITS.pushCommitsMax * 4) },
      { domain: whole(0), stopped: shape({ id: uuid, code: text(128) }) },
    )(value, path),
    path,
  );

// Functions, because a bundler can then remove them from a worker that does not read the info.
const limits: Reader<Limits> = (value, path) =>
  shape({
    commitBytesMax: whole(1),
    pushBytesMax: whole(1),
    pushCommitsMax: whole(1),
    pageBytesMax: whole(1),
    pageEventsMax: whole(1),
  })(value, path);
const logInfo: Reader<LogInfo> = (value, path) =>
  shape(
    { protocol: whole(1), cursor: orNull(cursorReader), head: whole(0), domain: whole(0), limits },
    { encodings: list(text(64), 64) },
  )(value, path);
const presence: Reader<Presence> = shape({ client: uuid, actor, data: json });

const serverFrame: Reader<ServerFrame> = (value, path) => {
  const { type } = shape({ type: literal("records", "head", "presence", "pong", "renewed", "bye") })(value, path);
  switch (type) {
    case "records":
      return { ...page(value, path), type };
    case "head":
      return shape({ type: literal("head"), head: whole(0) })(value, path);
    case "presence":
      return shape({ type: literal("presence"), set: list(presence, 10_000), gone: list(uuid, 10_000) })(value, path);
    case "pong":
      return { type };
    case "renewed":
      return shape({ type: literal("renewed"), expiresInMs: orNull(whole(0)) })(value, path);
    case "bye":
      return shape({ type: literal("bye"), code: text(128) }, { retryAfterMs: whole(0) })(value, path);
  }
};

const clientFrame: Reader<ClientFrame> = (value, path) => {
  const { type } = shape({ type: literal("presence", "token", "ping") })(value, path);
  if (type === "ping") return { type };
  if (type === "token") return shape({ type: literal("token"), token: text(TOKEN_LENGTH_MAX) })(value, path);
  return shape({ type: literal("presence"), client: uuid, data: json })(value, path);
};

const wireError: Reader<WireError> = (value, path) =>
  shape({
    error: shape(
      { code: text(128), message: text(4096), retry: literal("never", "later", "after-fix") },
      { retryAfterMs: whole(0) },
    ),
  })(value, path).error;

// The server's own limit on commits comes later. Here the bytes of the body limit their number.
const pushEnvelope: Reader<PushEnvelope> = shape(
  { after: orNull(cursorReader), domain: whole(0), commits: list(anything, 1_000_000) },
  { bytes: whole(0) },
);

const baseHeader: Reader<BaseHeader> = shape({
  cursor: cursorReader,
  tables: list(text(100_000), 10_000),
  pages: list(shape({ bytes: whole(0), hash: text(64) }), 100_000),
});
const baseBucket: Reader<BaseBucket> = (value, path) => {
  const [table, bucket, rows] = list(anything, 3, 3)(value, path);
  return { table: text(100_000)(table, path), bucket: whole(0)(bucket, path), text: text(Infinity)(rows, path) };
};
const basePage = list(baseBucket, 1_000_000);

/** Reads a push. Its commits are still unchecked, because the server reads each one on its own. */
export const parsePushEnvelope = (body: string): Parsed<PushEnvelope> => parseText(pushEnvelope, body);
/** Reads one commit. */
export const parseCommit = (value: unknown): Parsed<Commit> => parse(commit, value);
/** Reads the id and the actor of a commit, even if the rest of it is not valid. */
export const parseCommitHead = (value: unknown): Parsed<{ readonly id: string; readonly actor: string }> =>
  parse(shape({ id: uuid, actor }), value);
/** Reads the id of a commit, even if the rest is not valid, because the server then rejects only this commit. */
export const parseCommitId = (value: unknown): Parsed<{ readonly id: string }> => parse(shape({ id: uuid }), value);
/** Reads the answer to `POST /logs/:log/tickets`. */
export const parseTicket = (body: string): Parsed<{ readonly ticket: string; readonly tokenExpiresInMs?: number }> =>
  parseText(shape({ ticket: text(4_096) }, { tokenExpiresInMs: whole(0) }), body);
/** Reads records. It does not check that they follow each other. */
export const parseRecords = (value: unknown): Parsed<readonly CommitRecord[]> => parse(list(record, 1_000_000), value);
/** Reads a page of records that follow each other. */
export const parsePage = (body: string): Parsed<Page> => parseText(page, body);
/** Reads the answer to a push. */
export const parsePushAnswer = (body: string): Parsed<PushAnswer> => parseText(pushAnswer, body);
/** Reads the text of one outcome. */
export const parseOutcome = (body: string): Parsed<Outcome> => parseText(outcome, body);
/** Reads the answer to `GET /logs/:log`. */
export const parseLogInfo = (body: string): Parsed<LogInfo> => parseText(logInfo, body);
/** Reads the header of a base. */
export const parseBaseHeader = (body: string): Parsed<BaseHeader> => parseText(baseHeader, body);
/** Reads a page of a base. */
export const parseBasePage = (body: string): Parsed<readonly BaseBucket[]> => parseText(basePage, body);
/** Reads a frame that a server sent. */
export const parseServerFrame = (frame: string): Parsed<ServerFrame> => parseText(serverFrame, frame);
/** Reads a frame that a client sent. */
export const parseClientFrame = (frame: string): Parsed<ClientFrame> => parseText(clientFrame, frame);
/** Reads the body of an HTTP refusal. */
export const parseWireError = (body: string): Parsed<WireError> => parseText(wireError, body);

/** The limits that client and server share: sizes, counts and the form of a log's name. */

/** The limits of a server. It sends them in its answer to `GET /logs/:log`. */
export type Limits = {
  /** Bytes of one commit, both as the device sends it and as the server decides it. */
  readonly commitBytesMax: number;
  /** Bytes of one push. */
  readonly pushBytesMax: number;
  /** Commits of one push. */
  readonly pushCommitsMax: number;
  /** Bytes of one page of records. A page of a single record may be larger, because a record is never split. */
  readonly pageBytesMax: number;
  /** Events of one page of records. */
  readonly pageEventsMax: number;
};

/** The limits of a server that sets none. */
export const LIMITS: Limits = {
  commitBytesMax: 256 * 1024,
  pushBytesMax: 1024 * 1024,
  pushCommitsMax: 500,
  pageBytesMax: 4 * 1024 * 1024,
  pageEventsMax: 10_000,
};

/** A log's name: 1 to 128 of these characters. The first one is a letter or a digit, so that a name is never a path. */
export const LOG_NAME = /^[A-Za-z0-9][A-Za-z0-9._~:@-]{0,127}$/;

/** The rule of `LOG_NAME` in words, for messages. */
export const LOG_NAME_RULE = "1 to 128 of A-Z a-z 0-9 . _ ~ : @ -, a letter or digit first";

/** The largest number of commands in one commit. */
export const COMMANDS_MAX = 100;

/** The largest number of other authors' events in a rejection. A rejection contains the latest ones. */
export const THEIRS_MAX = 20;

/** The most dropped keys that an outcome names, and the longest of them. */
export const DROPPED = { count: 20, length: 256 } as const;

/** The largest number of presences in one log. More people than that do not follow each other's cursors. */
export const PRESENCE_ENTRIES_MAX = 1_000;

/** The largest number of bytes in a frame that a client sends. */
export const CLIENT_FRAME_BYTES_MAX = 16 * 1024;

/**
 * The largest number of bytes in the presence of a device, so that a frame has room for it. A server may allow fewer.
 */
export const PRESENCE_BYTES_MAX = CLIENT_FRAME_BYTES_MAX - 128;

/** Characters of a token. */
export const TOKEN_LENGTH_MAX = 8_192;

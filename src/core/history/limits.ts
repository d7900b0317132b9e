/** The bounds that both sides hold: sizes, counts and the form of a log's name. */

/** Bounds that a server tells by `GET /logs/:log`. */
export type Limits = {
  /** Bytes of one commit, as sent and as decided. */
  readonly commitBytesMax: number;
  /** Bytes of one push. */
  readonly pushBytesMax: number;
  readonly pushCommitsMax: number;
  /** Bytes of one page of records. A single record may be larger. */
  readonly pageBytesMax: number;
  readonly pageEventsMax: number;
};

export const LIMITS: Limits = {
  commitBytesMax: 256 * 1024,
  pushBytesMax: 1024 * 1024,
  pushCommitsMax: 500,
  pageBytesMax: 4 * 1024 * 1024,
  pageEventsMax: 10_000,
};

/** Events of others that a rejection carries along, the latest ones. */
export const THEIRS_MAX = 20;

/** Devices shown in one log: a server takes no more, a client shows no more. More people than that do not look at each other's cursors. */
export const PRESENCE_ENTRIES_MAX = 1_000;

/** Bytes of a frame that a client sends. */
export const CLIENT_FRAME_BYTES_MAX = 16 * 1024;

/** Bytes of what a device shows, so that it fits into a frame. A server may allow less. */
export const PRESENCE_BYTES_MAX = CLIENT_FRAME_BYTES_MAX - 128;

/** Log names: 1 to 128 of these characters, never a path. */
export const LOG_NAME = /^[A-Za-z0-9][A-Za-z0-9._~:@-]{0,127}$/;

/** Commands that one commit may hold. */
export const COMMANDS_MAX = 100;

/** The plain values that a handle shows to an app. The worker sends them to the page as JSON. */
import type { CommandRequest } from "../../core/domain/definition.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import type { Parked } from "../../core/fold/fold.ts";
import type { PlainError } from "../../core/values/plain-error.ts";

/**
 * A commit that is durable on this device. It is plain JSON, so an app may store it and pass it to `settled` later.
 *
 * @example
 * const receipt: Receipt = await log.execute(task.command.complete("t1"));
 * const { outcome } = await log.settled(receipt);
 */
export type Receipt = {
  /** The commit's id. */
  readonly commit: string;
};

/**
 * The end of a commit, once the server decided it. Without a server, this device decides.
 *
 * - `accepted`: recorded with the events that the device expected.
 * - `rebased`: recorded with other events, or in a base where the device cannot see them. So read the rows again.
 * - `rejected`: not recorded.
 *
 * @example
 * const settled = await log.settled(receipt);
 * if (settled.outcome === "rejected") console.warn(settled.code, settled.message);
 */
export type Settled =
  | {
      /** The server's decision. */
      readonly outcome: "accepted" | "rebased";
      /** The commit's id. */
      readonly commit: string;
      /** Position of the commit's last event. A commit without events has the log's position at its end. */
      readonly position: number;
      /**
       * The keys of the inputs that the schema of an older server dropped, such as `add.owner`. Absent where there are
       * none, and where the answer with them was lost.
       */
      readonly dropped?: readonly string[];
    }
  | {
      /** The server's decision. */
      readonly outcome: "rejected";
      /** The commit's id. */
      readonly commit: string;
      /** The reason's code: the domain's own word, or one of Dacapo's. */
      readonly code: string;
      /** The reason in words, for people. */
      readonly message: string;
      /** Index of the command that was rejected. */
      readonly command: number;
    };

/**
 * The state of syncing in this tab.
 *
 * - `local`: the log was opened without `sync`. This device confirms its commits.
 * - `paused`: the app called `log.pause()`.
 * - `following`: another tab of this browser syncs.
 * - `offline`: the server does not answer, or `sync.token` fails. The tab tries again by itself.
 * - `connecting`: the tab has not yet reached the server, has no socket yet, or waits for an answer for over 5 seconds.
 * - `catching-up`: the tab reads records that the server has and this device lacks.
 * - `live`: this device is up to date and receives new records over a socket.
 * - `stopped`: syncing needs a person. `status.error` says what to do.
 *
 * @example
 * const isUpToDate = (connection: Connection) => connection === "live" || connection === "local";
 */
export type Connection =
  "local" | "paused" | "following" | "offline" | "connecting" | "catching-up" | "live" | "stopped";

/**
 * A feature that the browser does not offer to this page, and what the log does without it.
 *
 * Plain http on an address other than localhost, an old browser and a privacy mode are the usual reasons.
 *
 * @example
 * const isKept = ({ reduced }: LogStatus) => reduced.every(({ feature }) => feature !== "storage");
 */
export type ReducedFeature = {
  /**
   * The stable name of what is missing.
   *
   * - `locks`: Web Locks. The tabs choose by messages which of them syncs. For seconds, two of them may.
   * - `tab-messages`: BroadcastChannel. Each tab syncs by itself, and shows the work of other tabs seconds later.
   * - `storage`: IndexedDB. The log is only in this tab's memory, and closing the tab deletes unsent work.
   */
  readonly feature: "locks" | "tab-messages" | "storage";
  /** The missing feature, and what this means. */
  readonly message: string;
  /** The step that brings the feature back. */
  readonly fix: string;
};

/**
 * How the browser stores the data of this site: all logs and all other data of its origin.
 *
 * @example
 * const isSafe = (use: StorageUse | null) => use?.persisted === true;
 */
export type StorageUse = {
  /** True: the browser keeps the data until the person deletes it. False: it may delete the data of an unused site. */
  readonly persisted: boolean;
  /** Bytes in use, about. Null: the browser does not report it. */
  readonly usage: number | null;
  /** Bytes that the site may use, about. Null: the browser does not report it. */
  readonly quota: number | null;
};

/**
 * A commit that fails also in a push of its own, and the last answer to it.
 *
 * @example
 * const { stuck } = log.status.get();
 * if (stuck) console.warn(`${stuck.command} on ${stuck.stream} does not get through: ${stuck.status} ${stuck.text}`);
 */
export type StuckCommit = {
  /** The commit's id, for `log.withdraw`. */
  readonly commit: string;
  /** The name of the commit's first command. */
  readonly command: string;
  /** The stream of that command. */
  readonly stream: string;
  /** Since when the commit is known to be stuck, in milliseconds since the epoch. */
  readonly since: number;
  /** The HTTP status of the last answer. Null: no answer came. */
  readonly status: number | null;
  /** The server's own code, such as `undecided` or `unavailable`. Null: the answer is not the sync server's. */
  readonly code: string | null;
  /** The first characters of an answer that is not the sync server's. Otherwise the reason in words. */
  readonly text: string;
};

/**
 * The state of a log in one tab.
 *
 * @example
 * const { connection, pending }: LogStatus = log.status.get();
 * const text = pending === 0 ? "All saved" : `${pending} to send (${connection})`;
 */
export type LogStatus = {
  /** The present state of syncing. */
  readonly connection: Connection;
  /** True where this tab is the one that syncs. */
  readonly leader: boolean;
  /** Number of commits that were made on this device and have not settled. */
  readonly pending: number;
  /** Pending commits that the server would reject in the present state: id and reason. At most 100 are listed. */
  readonly doubtful: readonly {
    /** The commit's id. */
    readonly commit: string;
    /** The reason's code: the domain's own word, or one of Dacapo's. */
    readonly code: string;
    /** The reason in words, for people. */
    readonly message: string;
  }[];
  /**
   * Time at which the oldest pending commit was made, in milliseconds since the epoch. Null where none is pending.
   * Compare it with the present time to show work that waits longer than it should.
   */
  readonly waitingSince: number | null;
  /** Number of rejected commits that are kept. */
  readonly rejections: number;
  /**
   * Time of the last successful sync since the log was opened, in milliseconds since the epoch. Null before the first.
   *
   * Not stored, because that would cost a write for each pull without records.
   */
  readonly lastSyncedAt: number | null;
  /**
   * Time of the next try while `connection` is `offline`, in milliseconds since the epoch. `log.resume()` tries at
   * once. Null in other states, and where another tab syncs.
   */
  readonly retryAt: number | null;
  /** Position up to which this device has the log. */
  readonly position: number;
  /** The server's last known position. */
  readonly head: number;
  /**
   * Bytes of this tab's syncing since the log was opened: answers as they arrive, and commits in answered pushes. On a
   * slow network, growing bytes show that syncing moves. Both are 0 where another tab syncs.
   */
  readonly traffic: {
    /** Bytes of answers, without compression. Live sockets are not counted. */
    readonly received: number;
    /** Bytes of commits in answered pushes, without compression. */
    readonly sent: number;
  };
  /** Events that this code could not fold: their number, and the first of them. */
  readonly parked: {
    /** The number of parked events. */
    readonly count: number;
    /** The first of them. */
    readonly events: readonly Parked[];
  };
  /** The features that the browser does not offer to this page. Usually empty. */
  readonly reduced: readonly ReducedFeature[];
  /**
   * How the browser stores the data, as of the opening, the first commit, and each return to the page. Null until the
   * browser answered, and in browsers that do not report it.
   */
  readonly storage: StorageUse | null;
  /** True: the server, or another tab, has a newer domain than this page. Load the newest page. */
  readonly outdated: boolean;
  /**
   * The own commits that this tab sent again, because the server lost them or had another history. Null where there are
   * none, after `log.acknowledge()` and after a reload.
   */
  readonly sentAgain: SentAgain | null;
  /**
   * The oldest commit that does not get through to the server, although the device reads from it. Null where there is
   * none.
   *
   * The device keeps the commit and sends it again. `log.withdraw` takes it out of the queue.
   */
  readonly stuck: StuckCommit | null;
  /** The present error of syncing, or of other work that no call waits for. Null where there is none. */
  readonly error: PlainError | null;
};

/**
 * The outcomes of the own commits after the server was restored from a backup. `commits` less the other three counts
 * still wait.
 *
 * @example
 * const waiting = ({ commits, accepted, rebased, rejected }: SentAgain) => commits - accepted - rebased - rejected;
 */
export type SentAgain = {
  /** Time at which this device noticed it, in milliseconds since the epoch. */
  readonly at: number;
  /** The position up to which both histories agree. */
  readonly position: number;
  /** Number of commits that had settled before, and are sent again. */
  readonly commits: number;
  /** How many of them were recorded as expected. */
  readonly accepted: number;
  /** How many of them were recorded with other events. */
  readonly rebased: number;
  /** How many of them were rejected. They are among the rejections. */
  readonly rejected: number;
};

/**
 * A commit that was rejected. It is kept, also over reloads, until the app retries or discards it.
 *
 * @example
 * for (const rejection of log.rejections.get())
 *   if (rejection.code === "withdrawn") await rejection.discard();
 */
export type RejectedCommit = {
  /** The commit's id. */
  readonly commit: string;
  /** The commands of the commit, in their order. */
  readonly commands: readonly CommandRequest[];
  /** The reason's code: the domain's own word, or one of Dacapo's. */
  readonly code: string;
  /** The reason in words, for people. */
  readonly message: string;
  /** Index of the command that was rejected. */
  readonly command: number;
  /** The events of other authors that came first, as far as the server sent them. */
  readonly theirs: readonly DomainEvent[];
  /** Milliseconds since the epoch. */
  readonly rejectedAt: number;
  /**
   * Executes commands as a new commit on the present state, and removes this rejection.
   *
   * Pass changed commands if the same ones cannot succeed, such as after the code `outdated`.
   *
   * @param commands the commands to execute. @default the commands of this rejection
   * @throws as `execute` does. The rejection then stays. The `details.code` `unknown-commit` says that it is gone,
   * because it was retried or discarded before, here or in another tab. Then nothing is executed. Only a discard in
   * another tab at the same moment may come too late.
   */
  retry(commands?: CommandRequest | readonly CommandRequest[]): Promise<Receipt>;
  /**
   * Removes this rejection.
   *
   * @throws {StorageFullError} `storage-full`
   * @throws {StorageLostError} `storage-lost`
   * @throws {LogClosedError} `log-closed`
   */
  discard(): Promise<void>;
};

/**
 * An event of a stream's history.
 *
 * @example
 * const entries: readonly HistoryEntry[] = await log.history(task, "t1");
 * const unsent = entries.filter(({ pending }) => pending);
 */
export type HistoryEntry<Event = DomainEvent> = Event & {
  /** True while only this device has the event. */
  readonly pending: boolean;
};

/** `dacapo events LOG`: the events of a log or of a stream, also those that arrive later. */
import { DacapoError, DefinitionError } from "../../core/values/errors.ts";
import { correlationOf } from "../../core/history/cause.ts";
import { type CommitRecord, type Cursor, decodeCursor, encodeCursor, positionOf } from "../../core/history/record.ts";
import { isUuid } from "../../core/values/id.ts";
import type { Json } from "../../core/values/json.ts";
import type { EventStore, ReadLimit, StoredRecord } from "../../sync-server/stores/event-store.ts";
import { recordIn } from "../../sync-server/stores/stored-record.ts";
import { versionAt } from "../../sync-server/streams/version-at.ts";
import { command, type MakeCommand, requireLog, storeOption, type StoreOptions, withStore } from "../base/command.ts";
import { wholeNumber } from "../base/option-values.ts";
import { cut, type Output, printable, timeText } from "../base/output.ts";

type EventsOptions = StoreOptions & {
  readonly stream?: string;
  readonly correlation?: string;
  readonly after?: string;
  readonly limit?: string;
  readonly follow?: true;
};

const PAGE = { events: 2_000, bytes: 1024 * 1024 };
/** Milliseconds between two reads of `--follow`. A hint of the store comes sooner. */
const LOOK_MS = 1_000;

export const events: MakeCommand = ({ signal }) =>
  command(
    "events",
    "Print the events of a log in their order.",
    "dacapo events team-7 --store sqlite:logs.db --stream task/t1\n" +
      "dacapo events team-7 --store sqlite:logs.db --after 1200 --follow --json",
  )
    .argument("<log>", "the log")
    .addOption(storeOption())
    .option("--stream <stream>", "only the events of this stream, such as task/t1")
    .option("--correlation <id>", "only the events of this chain of causes: the id of its first commit")
    .option("--after <place>", "begin behind a position, such as 1200, or a cursor, which is faster")
    .option("--limit <number>", "end after this number of events")
    .option("--follow", "wait for new events, until Ctrl-C")
    .action((log: string, options: EventsOptions) =>
      withStore(options, async (store, output) => {
        if (!options.follow) await requireLog(store, log);
        const reader = new PageReader(store, log, options);
        const printer = new Printer(output, log, options);
        const hints = options.follow ? new Hints(store, log, signal) : null;
        try {
          for (;;) {
            for (let page = await reader.next(); page.length > 0; page = await reader.next())
              for (const record of page) {
                if (!(await printer.print(record))) return;
                if (!hints) signal.throwIfAborted();
                else if (signal.aborted) return;
              }
            if (!hints || signal.aborted) return;
            await hints.next();
          }
        } finally {
          hints?.stop();
        }
      }),
    );

/**
 * Reads a log, or one stream of it, page by page.
 *
 * Guarantees (cli.logs.test.ts): it throws if the log does not contain its place any more. Otherwise `--follow` would
 * mix the events of two histories after a restore.
 */
class PageReader {
  readonly #store: EventStore;
  readonly #log: string;
  readonly #stream: string | undefined;
  readonly #after: number;
  /** The place of `--after`, then the end of the last page. */
  #cursor: Cursor | null;
  #hasRead = false;
  #version: number | null = null;

  constructor(store: EventStore, log: string, { stream, after }: EventsOptions) {
    this.#store = store;
    this.#log = log;
    this.#stream = stream;
    this.#after = after === undefined ? 0 : positionFrom(after);
    this.#cursor = after === undefined ? null : decodeCursor(after);
  }

  async next(): Promise<readonly StoredRecord[]> {
    const records = this.#stream === undefined ? await this.#read(PAGE) : await this.#readStream(this.#stream);
    const end = records.at(-1)?.cursor;
    if (end) {
      this.#cursor = end;
      this.#hasRead = true;
    }
    return records;
  }

  async #readStream(stream: string): Promise<readonly StoredRecord[]> {
    this.#version ??= await versionAt(this.#store, this.#log, stream, this.#after);
    const records = await this.#store.readStream(this.#log, stream, this.#version, PAGE);
    // A page of a stream does not say whether the log still contains the place. So it is read as well, and afterwards.
    await this.#read({ events: 1, bytes: 1 });
    this.#version = records.at(-1)?.streams.find((span) => span.stream === stream)?.last ?? this.#version;
    return records;
  }

  /** The records of the log behind the place. */
  async #read(limit: ReadLimit): Promise<readonly StoredRecord[]> {
    const page = await this.#store.read(this.#log, this.#cursor, limit);
    if (page.kind === "gone") await requireLog(this.#store, this.#log);
    if (page.kind === "diverged") throw this.#diverged(this.#cursor ? encodeCursor(this.#cursor) : "");
    return page.kind === "page" ? page.records : [];
  }

  #diverged(cursor: string): DacapoError {
    if (!this.#hasRead)
      return new DefinitionError({
        message: `The log ${this.#log} does not contain the cursor ${cursor}`,
        fix: "Pass a cursor of this log, or a position.",
      });
    return new DacapoError("diverged", "after-fix", {
      message: `The log ${this.#log} was restored or replaced: it does not contain the last printed place ${cursor}`,
      fix: "Run the command again without --after. Events that the restore cut off are not in the log any more.",
      details: { log: this.#log, cursor },
    });
  }
}

/** Prints the events of records, without those that were not requested. */
class Printer {
  readonly #output: Output;
  readonly #log: string;
  readonly #stream: string | undefined;
  readonly #correlation: string | undefined;
  readonly #after: number;
  #left: number;

  constructor(output: Output, log: string, { stream, correlation, after, limit }: EventsOptions) {
    this.#output = output;
    this.#log = log;
    this.#stream = stream;
    this.#correlation = correlation === undefined ? undefined : commitId("--correlation", correlation);
    this.#after = after === undefined ? 0 : positionFrom(after);
    this.#left = limit === undefined ? Infinity : wholeNumber("--limit", limit);
  }

  /** Returns false after the last event that was requested. */
  async print(stored: StoredRecord): Promise<boolean> {
    if (this.#left === 0) return false;
    if (stored.cursor.position <= this.#after) return true;
    const record = recordIn(this.#log, stored);
    if (this.#correlation !== undefined && correlationOf(record) !== this.#correlation) return true;
    for (const [n, event] of record.events.entries()) {
      const position = record.position + n;
      if (position <= this.#after || (this.#stream !== undefined && event.stream !== this.#stream)) continue;
      await this.#output.result(cut(lineOf(record, n), this.#output.columns), eventJson(record, n));
      if (--this.#left === 0) return false;
    }
    return true;
  }
}

function lineOf(record: CommitRecord, n: number): string {
  const event = record.events[n];
  if (!event) return "";
  const position = String(record.position + n).padStart(7);
  const time = timeText(record.time);
  const place = `${event.stream} v${event.version}`;
  const cause = record.causedBy === undefined ? "" : `  caused by ${record.causedBy}`;
  return printable(
    `${position}  ${time}  ${record.actor}  ${place}  ${event.type} ${JSON.stringify(event.data)}${cause}`,
  );
}

function eventJson(record: CommitRecord, n: number): Json {
  const { position, mark, commit, client, actor, time, received, meta, causedBy, events } = record;
  const last = position + events.length - 1;
  return {
    position: position + n,
    ...events[n],
    commit,
    client,
    actor,
    time,
    received,
    meta,
    ...(causedBy !== undefined && { causedBy }),
    correlation: correlationOf(record),
    // Only the end of a record is a place where a reader can continue.
    cursor: n === events.length - 1 ? encodeCursor({ position: last, mark }) : null,
  };
}

/** Waits until a log may have new records. */
class Hints {
  readonly #signal: AbortSignal;
  readonly #stopListening: (() => void) | undefined;
  #wake: () => void = () => {};
  #isHinted = false;

  constructor(store: EventStore, log: string, signal: AbortSignal) {
    this.#signal = signal;
    this.#stopListening = store.hints?.listen((hinted) => {
      if (hinted !== null && hinted !== log) return;
      this.#isHinted = true;
      this.#wake();
    });
    signal.addEventListener("abort", () => this.#wake(), { once: true });
  }

  async next(): Promise<void> {
    if (!this.#isHinted && !this.#signal.aborted)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_MS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    this.#isHinted = false;
  }

  stop(): void {
    this.#stopListening?.();
  }
}

function positionFrom(after: string): number {
  const cursor = decodeCursor(after);
  return cursor ? positionOf(cursor) : wholeNumber("--after", after);
}

function commitId(option: string, text: string): string {
  if (isUuid(text)) return text;
  const fix = "Pass the correlation of an event, as --json prints it: a UUID in lower case.";
  throw new DefinitionError({ message: `${option} is ${text}, which is not the id of a commit`, fix });
}

/** A model of a server for tests of the sync loop: it answers at once, and a test may change each of its calls. */
import type { CallOptions, SocketEvents, Transport } from "../../src/client/sync/transport.ts";
import type { Commit } from "../../src/core/history/commit.ts";
import { type CommitRecord, type Cursor, cursorOf } from "../../src/core/history/record.ts";
import type { Page } from "../../src/core/wire/messages.ts";

/** A log that any node may write, and the socket of a node that reports only with `report`. */
export function twoNodes() {
  let records: CommitRecord[] = [];
  let marks = 0;
  const sockets: { readonly events: SocketEvents; isClosed: boolean }[] = [];
  const calls: ("push" | "pull")[] = [];
  const pushes: { readonly ids: readonly string[]; readonly call: CallOptions | undefined }[] = [];
  /** A test may change these. */
  const settings = { recordsInPage: Number.MAX_SAFE_INTEGER, opensSockets: true };
  const place = (cursor: Cursor | null) =>
    cursor === null
      ? 0
      : records.findIndex(({ position, mark }) => position === cursor.position && mark === cursor.mark) + 1;
  const pageAfter = (after: Cursor | null, recordsMax = settings.recordsInPage): Page => {
    const rest = records.slice(place(after));
    const sent = rest.slice(0, recordsMax);
    const last = sent.at(-1);
    const more = sent.length < rest.length;
    return { after, records: sent, cursor: last ? cursorOf(last) : after, head: records.length, more };
  };
  const isHere = (cursor: Cursor | null) => cursor === null || place(cursor) > 0;
  const record = ({ id, client, actor, time, meta, commands: [command] }: Commit): CommitRecord => {
    const stream = command?.stream ?? "";
    const events = (command?.events ?? []).map(({ type, v, data }) => ({ type, v, stream, version: 1, data }));
    return {
      position: records.length + 1,
      mark: (++marks).toString(16).padStart(16, "0"),
      commit: id,
      client,
      actor,
      time,
      received: Date.now(),
      meta,
      events,
    };
  };
  const transport: Transport = {
    push: (after, _domain, commits, call) => {
      calls.push("push");
      pushes.push({ ids: commits.map(({ id }) => id), call });
      if (!isHere(after)) return Promise.resolve({ kind: "diverged" });
      for (const commit of commits) if (!records.some((one) => one.commit === commit.id)) records.push(record(commit));
      const page = pageAfter(after, call?.pageBytes === 0 ? 0 : settings.recordsInPage);
      const outcomes = commits.map(({ id }) => {
        const own = records.find(({ commit }) => commit === id);
        return own ? ({ id, outcome: "recorded", at: cursorOf(own) } as const) : ({ id, outcome: "empty" } as const);
      });
      return Promise.resolve({ kind: "answer", answer: { ...page, outcomes }, text: JSON.stringify(page) });
    },
    pull: (after) => {
      calls.push("pull");
      if (!isHere(after)) return Promise.resolve({ kind: "diverged" });
      const page = pageAfter(after);
      return Promise.resolve({ kind: "answer", answer: page, text: JSON.stringify(page) });
    },
    info: () => Promise.reject(new Error("No limits are read for small pushes")),
    live: (_after, events) => {
      const socket = { events, isClosed: false };
      sockets.push(socket);
      if (settings.opensSockets) queueMicrotask(events.opened);
      return { setPresence: () => {}, close: () => (socket.isClosed = true) };
    },
  };
  return {
    transport,
    calls,
    pushes,
    sockets,
    settings,
    /** The log goes back to its first records. */
    restore: (kept: number) => (records = records.slice(0, kept)),
    /** Another device appends through a node without a socket of this device. */
    append: (commit: Commit) => records.push(record(commit)),
    /** The socket's node read the log, and reports all records behind a cursor. */
    report: (after: Cursor | null) => {
      const page = pageAfter(after);
      sockets.at(-1)?.events.records(page, JSON.stringify(page));
    },
    cursor: () => {
      const last = records.at(-1);
      return last ? cursorOf(last) : null;
    },
    records: () => records,
  };
}

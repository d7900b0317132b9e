import { expect, test } from "vitest";
import type { Page } from "../../../../src/core/wire/messages.ts";
import { LiveFeed } from "../../../../src/client/sync/live-feed.ts";
import type { Signal } from "../../../../src/client/sync/reduce-sync.ts";
import type { SocketEvents, Transport } from "../../../../src/client/sync/transport.ts";

const page = (head: number): Page => ({
  after: null,
  records: [],
  cursor: { position: head, mark: "a" },
  head,
  more: false,
});

/** A feed whose sockets are made here, and everything that it does. */
function feedWithSockets() {
  const sockets: SocketEvents[] = [];
  const signals: Signal[] = [];
  const calls: unknown[] = [];
  const transport: Transport = {
    push: () => Promise.reject(new Error("A feed does not push")),
    pull: () => Promise.reject(new Error("A feed does not pull")),
    info: () => Promise.reject(new Error("A feed reads no limits")),
    live: (_after, events) => {
      const number = sockets.push(events);
      return {
        setPresence: (client, data) => void calls.push(["show", number, client, data]),
        close: () => {
          calls.push(["close", number]);
          events.closed("closed", null);
        },
      };
    },
  };
  const feed = new LiveFeed({
    transport,
    signal: (signal) => void signals.push(signal),
    presence: (set, gone) => void calls.push(["presence", set, gone]),
  });
  return { feed, sockets, signals, calls };
}

test("LiveFeed: a frame that does not fit the inbox is dropped, and its head is reported", () => {
  const { feed, sockets, signals } = feedWithSockets();
  feed.connect(null, 7);
  for (let head = 1; head <= 65; head++) sockets[0]?.records(page(head), String(head));
  expect(signals.map((signal) => signal.type === "socket-reported" && signal.head)).toEqual([
    ...Array.from({ length: 64 }, () => 0),
    65,
  ]);
  expect(signals.at(-1)).toEqual({ type: "socket-reported", cursor: { position: 65, mark: "a" }, head: 65 });
  const frames = Array.from({ length: 65 }, () => feed.shiftFrame());
  expect(frames.map((frame) => frame?.text)).toEqual([
    ...Array.from({ length: 64 }, (_, n) => String(n + 1)),
    undefined,
  ]);
  expect(frames[0]?.generation).toBe(7);
  expect(feed.isEmpty).toBe(true);
});

test("LiveFeed: a socket that is closed here ends presence, and is not lost", () => {
  const { feed, signals, calls } = feedWithSockets();
  feed.connect(null, 0);
  feed.close();
  feed.close();
  expect(calls).toEqual([
    ["close", 1],
    ["presence", [], "all"],
  ]);
  expect(signals).toEqual([]);
});

test("LiveFeed: a socket that the server closes is lost, and a divergence is reported after it", () => {
  const { feed, sockets, signals, calls } = feedWithSockets();
  feed.connect(null, 0);
  sockets[0]?.closed("diverged", 500);
  sockets[0]?.closed("lost", null);
  expect(signals).toEqual([{ type: "socket-lost", retryAfterMs: 500 }, { type: "diverged" }]);
  expect(calls).toEqual([["presence", [], "all"]]);
});

test("LiveFeed: the presence of this device is sent again on each new socket", () => {
  const { feed, calls } = feedWithSockets();
  feed.setPresence("c1", { at: 1 });
  feed.connect(null, 0);
  feed.setPresence("c1", { at: 2 });
  feed.close();
  feed.connect(null, 0);
  expect(calls.filter((call) => Array.isArray(call) && call[0] === "show")).toEqual([
    ["show", 1, "c1", { at: 1 }],
    ["show", 1, "c1", { at: 2 }],
    ["show", 2, "c1", { at: 2 }],
  ]);
});

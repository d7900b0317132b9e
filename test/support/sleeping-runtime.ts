/** The part of workerd that a log's object uses, on a clock that the test moves. The sockets' devices only ping. */
import { vi } from "vitest";
import type { HibernatingSocket, LogObjectContext } from "../../src/sync-server/hosts/cloudflare-runtime.ts";
import type { LiveAttachment } from "../../src/sync-server/live/server-socket.ts";

export type SleepingRuntime = {
  readonly context: LogObjectContext;
  readonly alarm: { at: number | null; writes: number };
  /** Opens a socket that an earlier memory of the object has accepted. `sent` receives its frames. */
  readonly openSocket: (attachment: LiveAttachment, sent?: (frame: string) => void) => void;
  /** The number of open sockets. */
  readonly open: () => number;
};

/** Call `vi.useFakeTimers({ toFake: ["Date"] })` before it, and `vi.unstubAllGlobals()` after the test. */
export function sleepingRuntime(log: string): SleepingRuntime {
  vi.stubGlobal("WebSocketRequestResponsePair", class {});
  const sockets = new Set<HibernatingSocket>();
  const alarm: SleepingRuntime["alarm"] = { at: null, writes: 0 };
  return {
    alarm,
    open: () => sockets.size,
    openSocket: (first, sent = () => {}) => {
      let attachment: unknown = new TextEncoder().encode(JSON.stringify(first));
      const socket: HibernatingSocket = {
        send: sent,
        close: () => void sockets.delete(socket),
        serializeAttachment: (value) => void (attachment = value),
        deserializeAttachment: () => attachment,
      };
      sockets.add(socket);
    },
    context: {
      id: { name: log },
      storage: {
        sql: { databaseSize: 0, exec: () => [] },
        transactionSync: (work) => work(),
        getAlarm: async () => alarm.at,
        setAlarm: async (at) => {
          alarm.writes++;
          alarm.at = at;
        },
      },
      acceptWebSocket: () => {},
      getWebSockets: () => [...sockets],
      setWebSocketAutoResponse: () => {},
      // The runtime answered each ping, the last one at most 20 s ago.
      getWebSocketAutoResponseTimestamp: () => new Date(Date.now() - 20_000),
    },
  };
}

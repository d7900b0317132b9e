/** Talks to the Durable Object of a log as devices do: requests, and sockets whose frames the protocol's reader takes. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { ServerFrame } from "../../src/core/wire/messages.ts";
import { parseServerFrame } from "../../src/core/wire/read-messages.ts";
import { type Cursor, encodeCursor } from "../../src/core/history/record.ts";
import { person, type Person } from "../support/sync-requests.ts";

export type ObjectSocket = {
  readonly frames: readonly ServerFrame[];
  /** The next frame of a type that was not given before. */
  readonly next: <T extends ServerFrame["type"]>(type: T) => Promise<Extract<ServerFrame, { type: T }>>;
  readonly send: (frame: unknown) => void;
  readonly close: () => void;
};

let made = 0;

/** A log of its own, in an object of its own. */
export function newLog() {
  const stub = env.LOGS.getByName(`log ${++made}`);
  const request = async (path: string, init?: RequestInit): Promise<Response> => {
    const response = await stub.fetch(`https://example.org/sync${path}`, init);
    // An answer that nobody reads would keep its object from being evicted.
    return response.webSocket ? response : new Response(await response.text(), response);
  };
  const ticket = async (token: string): Promise<string> => {
    const response = await request("/logs/board/tickets", {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
    });
    return JSON.parse(await response.text()).ticket;
  };
  const upgrade = (query: Record<string, string>): Promise<Response> =>
    request(`/logs/board/live?${new URLSearchParams(query).toString()}`, { headers: { upgrade: "websocket" } });
  return {
    stub,
    request,
    ticket,
    upgrade,
    person: (actor: string): Person => person({ request }, actor),
    evict: () => evictDurableObject(stub),
    runAlarm: () => runDurableObjectAlarm(stub),
    live: async (token: string, after: Cursor | null = null): Promise<ObjectSocket> => {
      const { webSocket, status } = await upgrade({
        ticket: await ticket(token),
        ...(after && { after: encodeCursor(after) }),
      });
      if (!webSocket) throw new Error(`The socket was refused: ${status}`);
      return openSocket(webSocket);
    },
  };
}

function openSocket(socket: WebSocket): ObjectSocket {
  const frames: ServerFrame[] = [];
  const given = new Set<ServerFrame>();
  const waiting = new Set<() => void>();
  socket.addEventListener("message", ({ data }) => {
    const frame = parseServerFrame(String(data));
    if (!frame.ok) throw new Error(`A frame does not hold: ${JSON.stringify(frame.problem)} in ${String(data)}`);
    frames.push(frame.value);
    for (const check of waiting) check();
  });
  socket.accept();
  return {
    frames,
    next: (type) =>
      new Promise((resolve, reject) => {
        const check = () => {
          const frame = frames.find((one) => one.type === type && !given.has(one));
          if (!frame) return;
          given.add(frame);
          waiting.delete(check);
          clearTimeout(timer);
          // Found by its type just above.
          resolve(frame as Extract<ServerFrame, { type: typeof type }>);
        };
        const timer = setTimeout(
          () => reject(new Error(`No frame "${type}" came, only ${JSON.stringify(frames)}`)),
          5_000,
        );
        waiting.add(check);
        check();
      }),
    send: (frame) => socket.send(typeof frame === "string" ? frame : JSON.stringify(frame)),
    close: () => socket.close(1000, "done"),
  };
}

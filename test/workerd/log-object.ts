/** A Durable Object of a log, used as clients use it: by requests and live sockets. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { type Cursor, encodeCursor } from "../../src/core/history/record.ts";
import { createFrameInbox, type FrameInbox } from "../support/frame-inbox.ts";
import { person, type Person } from "../support/sync-requests.ts";
import { parseOwnJson } from "../support/own-json.ts";

export type ObjectSocket = Pick<FrameInbox, "frames" | "next"> & {
  readonly send: (frame: unknown) => void;
  readonly close: () => void;
};

let made = 0;

/** Creates a log in a new object. */
export function newLog() {
  const stub = env.LOGS.getByName(`log ${++made}`);
  const request = async (path: string, init?: RequestInit): Promise<Response> => {
    const response = await stub.fetch(`https://example.org/sync${path}`, init);
    // The text is read here, because an unread response keeps its object from being evicted.
    return response.webSocket ? response : new Response(await response.text(), response);
  };
  const ticket = async (token: string): Promise<string> => {
    const response = await request("/logs/board/tickets", {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
    });
    return parseOwnJson<{ ticket: string }>(await response.text()).ticket;
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
  const inbox = createFrameInbox();
  socket.addEventListener("message", ({ data }) => inbox.receive(String(data)));
  socket.accept();
  return {
    frames: inbox.frames,
    next: inbox.next,
    send: (frame) => socket.send(typeof frame === "string" ? frame : JSON.stringify(frame)),
    close: () => socket.close(1000, "done"),
  };
}

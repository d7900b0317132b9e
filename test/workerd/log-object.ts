/** A log on the edge, used as clients use it: by requests and live sockets through the Worker. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { type Cursor, encodeCursor } from "../../src/core/history/record.ts";
import { createFrameInbox, type FrameInbox } from "../support/frame-inbox.ts";
import { person, type Person } from "../support/sync-requests.ts";
import { parseOwnJson } from "../support/own-json.ts";
import { worker } from "./worker.ts";

export type ObjectSocket = Pick<FrameInbox, "frames" | "next"> & {
  readonly send: (frame: unknown) => void;
  readonly close: () => void;
  readonly isClosed: () => boolean;
};

let made = 0;

/** Creates a log with a name of its own, or another Worker's way to a log. */
export function newLog({ fetch } = worker, namespace = env.LOGS, log = `log-${++made}`) {
  const stub = namespace.getByName(log);
  const request = async (path: string, init?: RequestInit): Promise<Response> => {
    const response = await fetch(new Request(`https://example.org/sync${path}`, init), env);
    // The body is read here, because an unread response keeps its object from being evicted.
    return response.webSocket ? response : new Response(await response.arrayBuffer(), response);
  };
  const ticket = async (token: string): Promise<string> => {
    const response = await request(`/logs/${log}/tickets`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: "{}",
    });
    return parseOwnJson<{ ticket: string }>(await response.text()).ticket;
  };
  const upgrade = (query: Record<string, string>): Promise<Response> =>
    request(`/logs/${log}/live?${new URLSearchParams(query).toString()}`, { headers: { upgrade: "websocket" } });
  return {
    log,
    stub,
    request,
    ticket,
    upgrade,
    person: (actor: string): Person => person({ request }, actor, { log }),
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
  let isClosed = false;
  socket.addEventListener("close", () => void (isClosed = true));
  socket.accept();
  return {
    frames: inbox.frames,
    next: inbox.next,
    send: (frame) => socket.send(typeof frame === "string" ? frame : JSON.stringify(frame)),
    close: () => socket.close(1000, "done"),
    isClosed: () => isClosed,
  };
}

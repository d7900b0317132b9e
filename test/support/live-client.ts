/** A live socket that a test opens as a client does: it fetches a ticket first, and reads every frame. */
import { type Cursor, encodeCursor } from "../../src/core/history/record.ts";
import { createFrameInbox, type FrameInbox } from "./frame-inbox.ts";
import { parseOwnJson } from "./own-json.ts";

export type LiveClient = Pick<FrameInbox, "frames" | "next"> & {
  readonly send: (frame: unknown) => void;
  readonly close: () => void;
  readonly closed: Promise<{ readonly code: number }>;
};

export async function ticketOf(url: string, log: string, actor: string): Promise<string> {
  const response = await fetch(`${url}/logs/${log}/tickets`, {
    method: "POST",
    headers: { authorization: `Bearer token-of-${actor}` },
  });
  const { ticket } = parseOwnJson<{ ticket: string }>(await response.text());
  return ticket;
}

export async function liveClient(
  url: string,
  actor: string,
  { log = "board", after = null }: { log?: string; after?: Cursor | null } = {},
): Promise<LiveClient> {
  const query = new URLSearchParams({
    ticket: await ticketOf(url, log, actor),
    ...(after && { after: encodeCursor(after) }),
  });
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/logs/${log}/live?${query}`);
  const inbox = createFrameInbox();
  socket.onmessage = ({ data }) => inbox.receive(String(data));
  const closed = new Promise<{ code: number }>((resolve) => {
    socket.onclose = ({ code }) => resolve({ code });
  });
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error("The socket did not open"));
  });
  return {
    frames: inbox.frames,
    next: inbox.next,
    closed,
    send: (frame) => socket.send(typeof frame === "string" ? frame : JSON.stringify(frame)),
    close: () => socket.close(),
  };
}

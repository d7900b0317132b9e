/** A live socket as a device opens it: ticket first, frames read by the protocol's reader, in the order in which they came. */
import type { ServerFrame } from "../../src/core/wire/messages.ts";
import { parseServerFrame } from "../../src/core/wire/read-messages.ts";
import { type Cursor, encodeCursor } from "../../src/core/history/record.ts";

export type LiveClient = {
  readonly frames: readonly ServerFrame[];
  /** The next frame that fits and was not given before. */
  readonly next: <T extends ServerFrame["type"]>(type: T) => Promise<Extract<ServerFrame, { type: T }>>;
  readonly send: (frame: unknown) => void;
  readonly close: () => void;
  readonly closed: Promise<{ readonly code: number }>;
};

export async function ticketOf(url: string, log: string, actor: string): Promise<string> {
  const response = await fetch(`${url}/logs/${log}/tickets`, {
    method: "POST",
    headers: { authorization: `Bearer token-of-${actor}` },
  });
  const { ticket }: { ticket: string } = JSON.parse(await response.text());
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
  const frames: ServerFrame[] = [];
  const given = new Set<ServerFrame>();
  const waiting = new Set<() => void>();
  socket.onmessage = ({ data }) => {
    const frame = parseServerFrame(String(data));
    if (!frame.ok) throw new Error(`A frame does not hold: ${JSON.stringify(frame.problem)} in ${String(data)}`);
    frames.push(frame.value);
    for (const check of waiting) check();
  };
  const closed = new Promise<{ code: number }>((resolve) => {
    socket.onclose = ({ code }) => resolve({ code });
  });
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error("The socket did not open"));
  });
  return {
    frames,
    closed,
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
    close: () => socket.close(),
  };
}

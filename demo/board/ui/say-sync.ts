/** The state of syncing in words. */
import type { LogStatus } from "dacapo/client";
import { words } from "../words/language.ts";

type Said = { readonly mood: "good" | "busy" | "away" | "bad"; readonly text: string };

export function saySync(status: LogStatus): Said {
  const sending: Said = status.stuck ? { mood: "bad", text: words.sync.stuck(status.pending) } : sayConnection(status);
  const said: Said =
    status.rejections > 0 ? { mood: "bad", text: words.sync.refusedOf(sending.text, status.rejections) } : sending;
  const isKept = status.reduced.every(({ feature }) => feature !== "storage");
  return isKept ? said : { mood: "bad", text: words.sync.notSaved(said.text) };
}

function sayConnection(status: LogStatus): Said {
  const { connection, pending, position, head } = status;
  const waiting = words.sync.waiting(pending);
  if (isFull(status)) return { mood: "bad", text: words.sync.full + waiting };
  switch (connection) {
    case "live":
      return pending > 0
        ? { mood: "busy", text: words.sync.sending(pending) }
        : { mood: "good", text: words.sync.live };
    case "following":
      return { mood: "good", text: words.sync.following(pending) };
    case "catching-up":
      return { mood: "busy", text: words.sync.catchingUp(head - position) };
    case "connecting":
      return { mood: "busy", text: words.sync.connecting + waiting };
    case "offline":
      return { mood: "away", text: words.sync.offline + waiting };
    case "paused":
      return { mood: "away", text: words.sync.paused + waiting };
    case "stopped":
      return { mood: "bad", text: words.sync.stopped + waiting };
    case "local":
      return { mood: "good", text: words.sync.local };
  }
}

/** The state in a sentence, with what the person can do. */
export function explainSync(status: LogStatus): string {
  if (isFull(status)) return words.explain.full;
  return status.connection === "stopped" && status.error ? words.explain.failed : words.explain[status.connection];
}

/** The device has no space for what the server sends. */
export function isFull({ connection, error }: LogStatus): boolean {
  return connection === "offline" && error?.code === "storage-full";
}

/** Reports the state of a side, and its lines that are not in the server's log, to the page around it. */
import type { LogHandle } from "dacapo/client";
import { BOARD_STREAMS } from "../domain/read-models.ts";
import { LogFeed } from "../event-log/log-feed.ts";
import type { SideMessage } from "./duo.ts";

export function report(log: LogHandle<unknown>, duo: string, page: Window): void {
  const side = log.user;
  const tell = (message: SideMessage) => page.postMessage(message, location.origin);
  const tellState = () => {
    const { pending, rejections: refused, connection, position } = log.status.get();
    tell({ duo, side, kind: "state", pending, refused, live: connection === "live", position });
  };
  const feed = new LogFeed(log, BOARD_STREAMS);
  const tellLines = () =>
    tell({
      duo,
      side,
      kind: "lines",
      lines: feed.entries().filter(({ state }) => state === "pending" || state === "refused"),
    });
  log.status.subscribe(tellState);
  feed.subscribe(tellLines);
  feed.start();
  tellState();
}

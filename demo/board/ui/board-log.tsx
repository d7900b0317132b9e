/** The log beside the board, as it happens on this device. */
import { useLog, useStatus } from "dacapo/react";
import { useEffect, useState, useSyncExternalStore } from "react";
import { EventLog } from "../event-log/event-log.tsx";
import { LogFeed } from "../event-log/log-feed.ts";
import { BOARD_STREAMS } from "../domain/read-models.ts";
import { BoardThroughTime } from "./through-time/board-through-time.tsx";
import { words } from "../words/language.ts";

export function BoardLog({ onHide }: { readonly onHide: () => void }) {
  const log = useLog();
  const [feed] = useState(() => new LogFeed(log, BOARD_STREAMS));
  const [shownAt, setShownAt] = useState<number | null>(null);
  const entries = useSyncExternalStore(feed.subscribe, feed.entries);
  const isPartial = useSyncExternalStore(feed.subscribe, feed.isPartial);
  const arriving = useStatus(({ connection, head, position }) => (connection === "catching-up" ? head - position : 0));
  useEffect(() => {
    const end = feed.start();
    void feed.readEarlier();
    return end;
  }, [feed]);
  const note = () => {
    if (arriving > 0) return words.log.arriving(arriving);
    if (entries.length === 0) return words.log.empty;
    return isPartial ? words.log.partial : null;
  };
  return (
    <>
      <EventLog entries={entries} note={note()} onStream={feed.readStream} onShowAt={setShownAt} onHide={onHide} />
      {shownAt !== null && <BoardThroughTime at={shownAt} onClose={() => setShownAt(null)} />}
    </>
  );
}

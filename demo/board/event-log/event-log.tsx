/**
 * A log as it happens, one line an event, the newest first. A click on a line shows the whole event. It knows no
 * domain: it shows any event of any log.
 */
import { useRef, useState } from "react";
import { Icon } from "../ui/icon.tsx";
import { LineDetails } from "./line-details.tsx";
import { type LogEntry, type LogFilter, shortStream } from "./lines.ts";
import { words } from "../words/language.ts";

const SIGNS = { pending: "…", arriving: "↓", arrived: "↓", confirmed: "✓", refused: "✕" } as const;

type EventLogProps = {
  readonly entries: readonly LogEntry[];
  /** One more sentence, or null. */
  readonly note: string | null;
  /** Called with a stream that the person wants to see alone. */
  readonly onStream?: (stream: string) => void;
  /** Shows the state after the event at a position. Absent: there is no such view. */
  readonly onShowAt?: (position: number) => void;
  /** Absent: the log stays. */
  readonly onHide?: () => void;
};

export function EventLog({ entries, note, onStream, onShowAt, onHide }: EventLogProps) {
  const [open, setOpen] = useState<string | null>(null);
  const [filter, setFilter] = useState<LogFilter | null>(null);
  const list = useRef<HTMLOListElement>(null);
  const shown = filter ? entries.filter((entry) => entry[filter.by] === filter.value) : entries;
  const choose = (next: LogFilter) => {
    setFilter(next);
    if (next.by === "stream") onStream?.(next.value);
  };
  const showAll = () => {
    setFilter(null);
    // The button that had the focus is gone.
    list.current?.focus();
  };
  return (
    <section className="event-log" aria-label={words.log.title}>
      <header>
        <h2>{words.log.title}</h2>
        {filter && (
          <p className="filter">
            {words.log.filteredBy[filter.by]} <code>{shortStream(filter.value)}</code>
            <button type="button" className="button small" onClick={showAll}>
              {words.log.showAll}
            </button>
          </p>
        )}
        {note !== null && <p className="hint">{note}</p>}
        {onHide && (
          <button type="button" className="icon-button" aria-label={words.log.hide} onClick={onHide}>
            <Icon name="close" />
          </button>
        )}
      </header>
      <ol ref={list} tabIndex={-1}>
        {shown.map((entry) => (
          <li key={entry.id} className={entry.state}>
            <button
              type="button"
              className="line"
              aria-expanded={open === entry.id}
              onClick={() => setOpen(open === entry.id ? null : entry.id)}
            >
              <span className="sign">
                <span aria-hidden="true">{SIGNS[entry.state]}</span>{" "}
                <span className="state">{words.log.states[entry.state]}</span>
              </span>
              <span className="position">{entry.position ?? ""}</span>
              <span className="actor">{entry.actor}</span>
              <code>{entry.type}</code>
              <span className="stream">{shortStream(entry.stream)}</span>
              <span className="data">{inShort(entry.data)}</span>
            </button>
            {open === entry.id && (
              <LineDetails entry={entry} filter={filter} onFilter={choose} {...(onShowAt && { onShowAt })} />
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}

function inShort(data: unknown): string {
  if (data === null || data === undefined) return "";
  return typeof data === "string" ? data : JSON.stringify(data);
}

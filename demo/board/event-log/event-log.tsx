/** A log as it happens, one line an event, the newest first. It knows no domain: it shows any event of any log. */
import { useState } from "react";
import { Icon } from "../ui/icon.tsx";
import type { LogEntry } from "./lines.ts";
import { words } from "../words/language.ts";

const SIGNS = { pending: "…", arriving: "↓", arrived: "↓", confirmed: "✓", refused: "✕" } as const;

type EventLogProps = {
  readonly entries: readonly LogEntry[];
  /** One more sentence, or null. */
  readonly note: string | null;
  /** Absent: the log stays. */
  readonly onHide?: () => void;
};

export function EventLog({ entries, note, onHide }: EventLogProps) {
  const [open, setOpen] = useState<string | null>(null);
  return (
    <section className="event-log" aria-label={words.log.title}>
      <header>
        <h2>{words.log.title}</h2>
        {note !== null && <p className="hint">{note}</p>}
        {onHide && (
          <button type="button" className="icon-button" aria-label={words.log.hide} onClick={onHide}>
            <Icon name="close" />
          </button>
        )}
      </header>
      <ol>
        {entries.map(({ id, state, position, actor, type, stream, data, whole }) => (
          <li key={id} className={state}>
            <button type="button" aria-expanded={open === id} onClick={() => setOpen(open === id ? null : id)}>
              <span className="sign" title={words.log.states[state]}>
                {SIGNS[state]}
                <span className="hidden">{words.log.states[state]}</span>
              </span>
              <span className="position">{position ?? ""}</span>
              <span className="actor">{actor}</span>
              <code>{type}</code>
              <span className="stream">{stream}</span>
              <span className="data">{inShort(data)}</span>
            </button>
            {open === id && <pre>{JSON.stringify(whole, null, 2)}</pre>}
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

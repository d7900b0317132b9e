/** A log as it happens, one line an event, the newest first. It knows no domain: it shows any event of any log. */
import { useState } from "react";
import { words } from "../words/language.ts";

export type LogEntry = {
  readonly id: string;
  /** The event is on a device only, in the log, or refused by the server. */
  readonly state: "pending" | "confirmed" | "refused";
  /** Null before the server has ordered it. */
  readonly position: number | null;
  readonly actor: string;
  readonly type: string;
  readonly stream: string;
  /** Shown in short. */
  readonly data: unknown;
  /** The whole event, shown on demand. */
  readonly whole: unknown;
};

const SIGNS = { pending: "…", confirmed: "✓", refused: "✕" } as const;

type EventLogProps = {
  readonly title: string;
  readonly entries: readonly LogEntry[];
  /** One more sentence, or null. */
  readonly note: string | null;
};

export function EventLog({ title, entries, note }: EventLogProps) {
  const [open, setOpen] = useState<string | null>(null);
  return (
    <section className="event-log" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {note !== null && <p className="hint">{note}</p>}
      </header>
      <ol>
        {entries.map(({ id, state, position, actor, type, stream, data, whole }) => (
          <li key={id} className={state}>
            <button type="button" aria-expanded={open === id} onClick={() => setOpen(open === id ? null : id)}>
              <span className="sign" title={words.duo.states[state]}>
                {SIGNS[state]}
                <span className="hidden">{words.duo.states[state]}</span>
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

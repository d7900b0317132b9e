/** A card's history, version by version: a slider goes back, *da capo* plays it from the beginning. */
import type { EventsOf, StateOf } from "dacapo";
import type { HistoryEntry } from "dacapo/client";
import { useLog } from "dacapo/react";
import { useEffect, useState } from "react";
import { card } from "../domain/card.ts";
import { Avatar } from "./avatar.tsx";
import { Pencilled } from "./pencilled.tsx";
import { idOf } from "./rows.ts";
import { Time } from "./time.tsx";
import { TimeSlider } from "./time-slider.tsx";
import { useNames } from "./use-names.ts";
import { sayEvent } from "./words.ts";
import { words } from "../words/language.ts";

type Entry = HistoryEntry<EventsOf<typeof card>>;

const PLAY_MS = 900;

/** @param changed any value that changes with the card */
export function CardHistory({ card: stream, changed }: { readonly card: string; readonly changed: unknown }) {
  const { log, events, error } = useHistory(stream, changed);
  // Null is the newest version, also after a newer one arrives.
  const [chosen, setChosen] = useState<number | null>(null);
  const [playing, setPlaying] = useState(false);
  const last = events.at(-1)?.version ?? 0;
  const version = Math.min(chosen ?? last, last);
  const state = useStateAt(log, stream, version, changed);

  useEffect(() => {
    if (!playing) return undefined;
    const timer = setTimeout(() => {
      if (version < last) setChosen(version + 1);
      else setPlaying(false);
    }, PLAY_MS);
    return () => clearTimeout(timer);
  }, [playing, version, last]);

  const show = (next: number) => {
    setPlaying(false);
    setChosen(next >= last ? null : Math.max(1, next));
  };
  const play = () => {
    setChosen(1);
    setPlaying(true);
  };
  if (error)
    return (
      <p className="panel-body" role="alert">
        {error}
      </p>
    );
  if (last === 0) return <p className="panel-body">…</p>;
  return (
    <div className="panel-body history">
      <TimeSlider
        first={1}
        last={last}
        at={version}
        label={words.history.version}
        previous={words.history.previous}
        next={words.history.next}
        saysAt={words.history.versionOf(version, last)}
        playing={playing}
        onShow={show}
        onPlay={play}
        onStop={() => setPlaying(false)}
      />
      <Then state={state} version={version} last={last} />
      <Events events={events} version={version} onShow={show} />
    </div>
  );
}

/** The card at the chosen version. */
function Then({
  state,
  version,
  last,
}: {
  readonly state: StateOf<typeof card>;
  readonly version: number;
  readonly last: number;
}) {
  const names = useNames(state ? [`board-column/${state.column}`] : []);
  if (!state) return <div className="then" />;
  return (
    <section className="then" aria-label={words.history.cardAt(version)}>
      <p className="then-version">
        {version === last ? words.history.current : words.history.versionOf(version, last)}
      </p>
      <div className="panel-title">
        <span
          className={state.done ? "note filled" : "note"}
          role="img"
          aria-label={state.done ? words.card.done : words.card.open}
        />
        <h2 className={state.done ? "done" : ""}>{state.title}</h2>
      </div>
      {state.description !== "" && <p className="then-text">{state.description}</p>}
      <p className="panel-meta">
        {names(`board-column/${state.column}`) ?? words.common.removedColumn}
        {state.assignee !== null && ` · ${words.history.assigned(state.assignee)}`}
        {state.comments > 0 && ` · ${words.card.comments(state.comments)}`}
        {state.archived && ` · ${words.history.archived}`}
      </p>
    </section>
  );
}

function Events({
  events,
  version,
  onShow,
}: {
  readonly events: readonly Entry[];
  readonly version: number;
  readonly onShow: (version: number) => void;
}) {
  const names = useNames(
    events.flatMap((event) => (event.type === "CardMoved" ? [`board-column/${event.data.column}`] : [])),
  );
  return (
    <ol className="events" reversed>
      {events.toReversed().map((event) => (
        <li key={event.id} className={event.version > version ? "later" : ""}>
          <button
            type="button"
            aria-current={event.version === version ? "step" : undefined}
            onClick={() => onShow(event.version)}
          >
            <Avatar name={event.actor} />
            <span>
              <b>{event.actor}</b> {sayEvent(event, names)} <Time at={event.time} />
              <Pencilled pending={event.pending} />
            </span>
          </button>
        </li>
      ))}
    </ol>
  );
}

function useHistory(stream: string, changed: unknown) {
  const log = useLog();
  const [events, setEvents] = useState<readonly Entry[]>([]);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    let current = true;
    log.history(card, idOf(stream)).then(
      (found) => current && setEvents(found),
      (reason: unknown) => current && setError(reason instanceof Error ? reason.message : String(reason)),
    );
    return () => void (current = false);
  }, [log, stream, changed]);
  return { log, events, error };
}

function useStateAt(
  log: ReturnType<typeof useLog>,
  stream: string,
  version: number,
  changed: unknown,
): StateOf<typeof card> {
  const [state, setState] = useState<StateOf<typeof card>>(null);
  useEffect(() => {
    let current = true;
    if (version > 0)
      void log.stateAt(card, idOf(stream), { version }).then(
        (found) => current && setState(found),
        () => {},
      );
    return () => void (current = false);
  }, [log, stream, version, changed]);
  return state;
}

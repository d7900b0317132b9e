/** The whole board through time: a slider over all events of its log, and the board after the chosen one. */
import { useLog } from "dacapo/react";
import { useEffect, useState } from "react";
import { Avatar } from "../avatar.tsx";
import { Dialog } from "../dialog.tsx";
import { Icon } from "../icon.tsx";
import { idOf } from "../rows.ts";
import { Time } from "../time.tsx";
import { TimeSlider } from "../time-slider.tsx";
import { words } from "../../words/language.ts";
import { sayEvent } from "../words.ts";
import { PastColumn } from "./past-column.tsx";
import { type PastBoard, useBoardAt } from "./use-board-at.ts";

const PLAY_MS = 900;
/** A longer log is played in this many steps, so that it ends within about two minutes. */
const STEPS_MAX = 150;

type BoardThroughTimeProps = {
  /** The position of the first event that it shows. Absent: the last one. */
  readonly at?: number;
  readonly onClose: () => void;
};

export function BoardThroughTime({ at, onClose }: BoardThroughTimeProps) {
  const log = useLog();
  // The end as of opening, because the view follows nothing.
  const [last] = useState(() => log.status.get().position);
  const [position, setPosition] = useState(at ?? last);
  const [playing, setPlaying] = useState(false);
  const { board, error } = useBoardAt(position);
  const isShown = board?.position === position;

  useEffect(() => {
    // The next step waits until this one is shown.
    if (!playing || !isShown) return undefined;
    const timer = setTimeout(() => {
      if (position >= last) setPlaying(false);
      else setPosition(Math.min(last, position + Math.ceil(last / STEPS_MAX)));
    }, PLAY_MS);
    return () => clearTimeout(timer);
  }, [playing, isShown, position, last]);

  const show = (next: number) => {
    setPlaying(false);
    setPosition(Math.min(last, Math.max(0, next)));
  };
  const play = () => {
    setPosition(0);
    setPlaying(true);
  };
  return (
    <Dialog label={words.throughTime.label} className="through-time" onClose={onClose}>
      <div className="time-head">
        <h2>{words.throughTime.title(log.log)}</h2>
        <button type="button" className="icon-button" aria-label={words.common.close} onClick={onClose}>
          <Icon name="close" />
        </button>
        <TimeSlider
          first={0}
          last={last}
          at={position}
          label={words.throughTime.event}
          previous={words.throughTime.previous}
          next={words.throughTime.next}
          saysAt={words.throughTime.eventOf(position, last)}
          hasFocus
          playing={playing}
          onShow={show}
          onPlay={play}
          onStop={() => setPlaying(false)}
        />
        <p className="time-at">{words.throughTime.eventOf(position, last)}</p>
        <div className="time-event" aria-live="polite">
          {error !== null ? <p role="alert">{error}</p> : board && <Event board={board} />}
        </div>
      </div>
      {board && <Then board={board} isStale={!isShown} />}
    </Dialog>
  );
}

/** The event in words. */
function Event({ board: { event, subject, columns } }: { readonly board: PastBoard }) {
  if (!event) return <p>{words.throughTime.beginning}</p>;
  const isAdded = event.type === "CardAdded" || event.type === "ColumnAdded";
  const names = (stream: string) => columns.find(({ key }) => key === stream)?.row.name ?? null;
  return (
    <p>
      <Avatar name={event.actor} />
      <span>
        {!isAdded && subject !== null && words.throughTime.subject(subject)}
        <b>{event.actor}</b> {sayEvent(event, names)} <Time at={event.time} />
      </span>
    </p>
  );
}

/** The board after the event. */
function Then({
  board: { position, event, columns, cards },
  isStale,
}: {
  readonly board: PastBoard;
  readonly isStale: boolean;
}) {
  const touched = event?.stream ?? null;
  const known = new Set(columns.map(({ key }) => idOf(key)));
  const strays = [...cards].filter(([column]) => !known.has(column)).flatMap(([, of]) => of);
  return (
    <section
      className="board past"
      aria-label={words.throughTime.boardAt(position)}
      aria-busy={isStale}
      // Scrolled with keys.
      tabIndex={0}
    >
      {columns.map(({ key, row }) => (
        <PastColumn
          key={key}
          name={row.name}
          cards={cards.get(idOf(key)) ?? NO_CARDS}
          touched={touched}
          isTouched={key === touched}
        />
      ))}
      {strays.length > 0 && <PastColumn name={words.board.stray} cards={strays} touched={touched} isTouched={false} />}
    </section>
  );
}

const NO_CARDS: readonly never[] = [];

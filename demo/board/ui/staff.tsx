/** A column as a line of music: one note for each card, filled once the card is done. */
import type { CardEntry } from "./rows.ts";

const NOTES_MAX = 13;
const STEP_PX = 20;
const LINE_PX = 5;
/** The places on and between the five lines. */
const PITCHES = 7;

export function Staff({ cards }: { readonly cards: readonly CardEntry[] }) {
  return (
    <svg className="staff" aria-hidden="true">
      {cards.slice(0, NOTES_MAX).map(({ key, row, pending }, at) => {
        const y = LINE_PX * 1.5 + (pitchOf(key) * LINE_PX) / 2;
        const up = y > LINE_PX * 3;
        return (
          <g
            key={key}
            className={[row.done && "done", pending && "pending"].filter(Boolean).join(" ")}
            style={{ translate: `${14 + at * STEP_PX}px ${y}px` }}
          >
            <path d={up ? "M3.4 -0.8V-15" : "M-3.4 0.8V15"} />
            <ellipse rx="3.9" ry="2.7" />
          </g>
        );
      })}
    </svg>
  );
}

/** The note's place follows from the card's id, so it stays the same in every column. */
function pitchOf(key: string): number {
  let sum = 7;
  for (let at = 0; at < key.length; at++) sum = (sum * 33 + key.charCodeAt(at)) % 100_003;
  return sum % PITCHES;
}

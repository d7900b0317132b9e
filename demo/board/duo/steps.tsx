/** Three steps that a visitor can try. Each is ticked when it happened. */
import { SIDES } from "./duo.ts";
import type { DuoState } from "./progress.ts";

export function Steps({ stepsDone, reports }: DuoState) {
  const refused = SIDES.reduce((sum, side) => sum + (reports.get(side)?.refused ?? 0), 0);
  const steps = [
    "Pull the cable.",
    "Rename one card on both sides, and add others.",
    stepsDone < 3 ? "Plug it in again." : outcome(refused),
  ];
  return (
    <ol className="steps" aria-label="Try this">
      {steps.map((text, at) => (
        <li key={at} className={at < stepsDone ? "done" : at === stepsDone ? "next" : ""}>
          <span className="note-sign" aria-hidden />
          <span>
            {text}
            {at < stepsDone && <span className="hidden"> (done)</span>}
          </span>
        </li>
      ))}
    </ol>
  );
}

function outcome(refused: number): string {
  if (refused === 0) return "Both boards agree. Nothing was lost.";
  return `Both boards agree. ${refused === 1 ? "One change was" : `${refused} changes were`} refused: choose on the card.`;
}

/** Three steps that a visitor can try. Each is ticked when it happened. */
import { SIDES } from "./duo.ts";
import type { DuoState } from "./progress.ts";
import { words } from "../words/language.ts";

export function Steps({ stepsDone, reports }: DuoState) {
  const refused = SIDES.reduce((sum, side) => sum + (reports.get(side)?.refused ?? 0), 0);
  const steps = [...words.duo.steps.slice(0, 2), stepsDone < 3 ? words.duo.steps[2] : words.duo.outcome(refused)];
  return (
    <section aria-label={words.duo.tryThis}>
      <ol className="steps" aria-label={words.duo.tryThis}>
        {steps.map((text, at) => (
          <li key={at} className={at < stepsDone ? "done" : at === stepsDone ? "next" : ""}>
            <span className="note-sign" aria-hidden />
            <span>
              {text}
              {at < stepsDone && <span className="hidden">{words.duo.stepDone}</span>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

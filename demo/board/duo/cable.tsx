/** The cable between the two boards. A click pulls it out or plugs it in. */
import type { Cable as CableState } from "./progress.ts";
import { words } from "../words/language.ts";

export function Cable({ cable, onTurn }: { readonly cable: CableState; readonly onTurn: () => void }) {
  const isIn = cable === "in";
  return (
    <div className={isIn ? "cable" : "cable out"}>
      <svg viewBox="0 0 200 60" aria-hidden="true" preserveAspectRatio="none">
        <path className="cable-left" d="M0 30 C 30 30 40 12 70 20 S 92 30 100 30" />
        <path className="cable-right" d="M100 30 C 110 30 120 48 140 42 S 170 30 200 30" />
      </svg>
      <button type="button" className="button primary large" aria-pressed={!isIn} onClick={onTurn}>
        {isIn ? words.duo.pull : words.duo.plug}
      </button>
      <p className="hint">{isIn ? words.duo.connected : words.duo.cut}</p>
    </div>
  );
}

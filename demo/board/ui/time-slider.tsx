/** A slider over steps in time, with buttons for the step before and after, and *da capo* to play from the start. */
import { words } from "../words/language.ts";
import { Icon } from "./icon.tsx";

type TimeSliderProps = {
  readonly first: number;
  readonly last: number;
  /** The chosen step. */
  readonly at: number;
  /** The names of the slider and of its buttons. */
  readonly label: string;
  readonly previous: string;
  readonly next: string;
  /** The chosen step in words. */
  readonly saysAt: string;
  readonly hasFocus?: boolean;
  readonly playing: boolean;
  readonly onShow: (step: number) => void;
  readonly onPlay: () => void;
  readonly onStop: () => void;
};

export function TimeSlider({
  first,
  last,
  at,
  label,
  previous,
  next,
  saysAt,
  hasFocus = false,
  playing,
  onShow,
  onPlay,
  onStop,
}: TimeSliderProps) {
  return (
    <div className="slider">
      <button
        type="button"
        className="icon-button"
        aria-label={previous}
        disabled={at <= first}
        onClick={() => onShow(at - 1)}
      >
        <Icon name="left" />
      </button>
      <input
        type="range"
        min={first}
        max={last}
        value={at}
        aria-label={label}
        aria-valuetext={saysAt}
        ref={hasFocus ? focusOnOpen : undefined}
        onChange={(event) => onShow(event.target.valueAsNumber)}
      />
      <button
        type="button"
        className="icon-button"
        aria-label={next}
        disabled={at >= last}
        onClick={() => onShow(at + 1)}
      >
        <Icon name="right" />
      </button>
      <button type="button" className="button" disabled={last <= first} onClick={playing ? onStop : onPlay}>
        <Icon name="play" /> {playing ? words.history.stop : words.history.play}
      </button>
    </div>
  );
}

/** The dialog takes the focus when it opens. `autoFocus` of React comes before that, and writes no attribute. */
function focusOnOpen(slider: HTMLInputElement | null): void {
  slider?.setAttribute("autofocus", "");
}

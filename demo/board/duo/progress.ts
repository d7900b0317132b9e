/** The three steps that a visitor can try, computed from what happens. */
import { SIDES, type SideReport } from "./duo.ts";

export type Cable = "in" | "out";

export type DuoState = {
  readonly cable: Cable;
  readonly reports: ReadonlyMap<string, SideReport>;
  /** How many of the three steps were done: pull the cable, change both boards, plug it in. */
  readonly stepsDone: number;
};

/** The state after the cable was turned or a side reported. A step that was done stays done. */
export function progress(before: DuoState, change: Partial<Pick<DuoState, "cable" | "reports">>): DuoState {
  const next = { ...before, ...change };
  return { ...next, stepsDone: stepsDone(next) };
}

function stepsDone({ cable, reports, stepsDone: before }: DuoState): number {
  const sides = SIDES.map((side) => reports.get(side));
  if (cable === "out" && before < 2) return sides.every((side) => (side?.pending ?? 0) > 0) ? 2 : 1;
  const agree = sides.every((side) => side?.live === true && side.pending === 0);
  return before === 2 && cable === "in" && agree ? 3 : before;
}

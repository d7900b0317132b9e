/**
 * The plan of a seed: the number of devices, the faults, and the steps.
 *
 * Guarantees:
 * - The whole plan is drawn before anything runs, so that a failing plan can be shortened and run again.
 * - A step has its own `seed`, so that it does the same after another step is left out.
 */
import { type SeededRandom, seededRandom } from "../seeded-random.ts";
import { drawAddedFaults, drawBases, drawFaults, type FaultName, FAULT_NAMES, type Faults } from "./faults.ts";

/** The kind of a step. The step's own seed chooses the device or the server. */
export type StepKind =
  | "execute"
  | "burst"
  | "pause"
  | "wait"
  | "discard"
  | "retry"
  | "openTab"
  | "closeTab"
  | "cut"
  | "storeFull"
  | "tabCrash"
  | "powerCut"
  | "freeze"
  | "clone"
  | "eviction"
  | "clockJump"
  | "serverCrash"
  | "restore"
  | "drop"
  | "rights"
  | "hostile"
  | "upgrade"
  | "undo"
  | "redo"
  | "withdraw"
  | "show"
  | "goOnline"
  | "serverClockJump"
  | "archive"
  | "networkHint"
  | "filterText"
  | "failPermit"
  | "newDevice"
  | "signOut"
  | "signIn";

export type Step = {
  readonly kind: StepKind;
  readonly seed: number;
  /** Virtual milliseconds that pass after the step. */
  readonly gapMs: number;
};

export type Plan = {
  readonly seed: number;
  readonly devices: number;
  readonly faults: Faults;
  readonly steps: readonly Step[];
};

export type PlanLimits = { readonly clients: number; readonly steps: number; readonly allowed: readonly FaultName[] };

export const PLAN_LIMITS: PlanLimits = { clients: 4, steps: 50, allowed: FAULT_NAMES };

/** Faults that happen as steps. */
export const STEPS_OF_FAULTS: Partial<Record<FaultName, StepKind>> = {
  cut: "cut",
  storeFull: "storeFull",
  tabCrash: "tabCrash",
  powerCut: "powerCut",
  freeze: "freeze",
  clone: "clone",
  eviction: "eviction",
  clockJump: "clockJump",
  serverCrash: "serverCrash",
  restore: "restore",
  drop: "drop",
  rights: "rights",
  hostile: "hostile",
  releases: "upgrade",
};

/**
 * The steps of later faults, with their largest number. They are inserted between the steps that a seed has without
 * them.
 */
export const ADDED_STEPS: Partial<Record<FaultName, { readonly kinds: readonly StepKind[]; readonly most: number }>> = {
  takeBack: { kinds: ["undo", "undo", "redo", "withdraw"], most: 12 },
  presence: { kinds: ["show"], most: 6 },
  localFirst: { kinds: ["goOnline"], most: 3 },
  serverClock: { kinds: ["serverClockJump"], most: 3 },
  archive: { kinds: ["archive"], most: 1 },
  networkHints: { kinds: ["networkHint"], most: 8 },
  filter: { kinds: ["filterText"], most: 3 },
  permitThrows: { kinds: ["failPermit"], most: 2 },
  signIn: { kinds: ["signOut", "signOut", "signIn"], most: 6 },
};

/** The largest number of these steps in a seed, because each changes the whole world. */
const RARE: Partial<Record<StepKind, number>> = { eviction: 1, restore: 2, drop: 1, clone: 1, upgrade: 1 };

export function drawPlan(seed: number, limits: PlanLimits): Plan {
  const random = seededRandom(seed);
  const faults = drawFaults(random, limits.allowed);
  const devices = 1 + random.below(Math.max(1, limits.clients));
  const count = Math.ceil(limits.steps * (0.3 + random.below(71) / 100));
  const left = new Map(Object.entries(RARE));
  const steps = Array.from({ length: count }, (): Step => {
    const kind = drawKind(random, faults);
    const remaining = left.get(kind);
    if (remaining !== undefined) left.set(kind, Math.max(0, remaining - 1));
    return { kind: remaining === 0 ? "execute" : kind, seed: random.below(2 ** 31), gapMs: drawGap(random) };
  });
  return withBases(withAdded({ seed, devices, faults, steps }, limits), limits);
}

const NEW_DEVICES_MAX = 3;

function withBases(plan: Plan, { allowed }: PlanLimits): Plan {
  const random = seededRandom(plan.seed ^ 0xba5e5);
  const drawn = drawBases(random, allowed);
  if (!drawn.bases) return plan;
  const steps = [...plan.steps];
  for (let count = 1 + random.below(NEW_DEVICES_MAX); count > 0; count--) {
    // In the second half, when the log has a base.
    const half = Math.floor(steps.length / 2);
    const step = { kind: "newDevice", seed: random.below(2 ** 31), gapMs: drawGap(random) } as const;
    steps.splice(half + random.below(steps.length - half + 1), 0, step);
  }
  return { ...plan, faults: { ...plan.faults, ...drawn }, steps };
}

function withAdded(plan: Plan, { allowed }: PlanLimits): Plan {
  const random = seededRandom(plan.seed ^ 0xadded);
  const added = drawAddedFaults(random, allowed);
  const steps = [...plan.steps];
  for (const name of FAULT_NAMES) {
    const { kinds = [], most = 0 } = (added[name] && ADDED_STEPS[name]) || {};
    for (let count = most === 0 ? 0 : 1 + random.below(most); count > 0; count--) {
      steps.splice(random.below(steps.length + 1), 0, {
        kind: random.pick(kinds),
        seed: random.below(2 ** 31),
        gapMs: drawGap(random),
      });
    }
  }
  return { ...plan, faults: { ...plan.faults, ...added }, steps };
}

function drawKind(random: SeededRandom, faults: Faults): StepKind {
  const happening = FAULT_NAMES.filter((name) => faults[name] > 0 && STEPS_OF_FAULTS[name] !== undefined);
  if (happening.length > 0 && random.chance(0.25)) {
    const name = random.pick(happening);
    const kind = STEPS_OF_FAULTS[name];
    if (kind && random.chance(0.3 + faults[name] * 0.7)) return kind;
  }
  const usual: readonly StepKind[] = [
    "execute",
    "execute",
    "execute",
    "execute",
    "execute",
    "execute",
    "execute",
    "burst",
    "wait",
    "pause",
    "discard",
    "retry",
    "openTab",
    "closeTab",
  ];
  return random.pick(usual);
}

function drawGap(random: SeededRandom): number {
  const size = random.below(20);
  if (size < 8) return 0;
  if (size < 14) return random.below(20);
  if (size < 18) return random.below(500);
  return size === 18 ? random.below(5_000) : random.below(40_000);
}

/** The declaration of a strong read model: its rows change in the append's transaction, and it may refuse commits. */
import type { AnyProjection } from "../../core/domain/handle-types.ts";
import { requireKnownOptions } from "../../core/values/known-options.ts";
import { refuseDefinition } from "../../core/values/refuse.ts";

/** The options of `strong`. */
export type StrongOptions = {
  /**
   * What happens if the model throws an error other than `veto`. `reject`: the server rejects the commit with
   * `model-failed`. `park`: the server records the commit, and the rows lack the event.
   *
   * @default "reject"
   */
  readonly onError?: "reject" | "park";
  /**
   * What happens to commits until the rows of a new model are built. `pass`: the model does not check them, and parks
   * what it would have refused. `refuse`: the server answers 503 (`unavailable`), so they wait on their devices.
   *
   * @default "pass"
   */
  readonly untilReady?: "pass" | "refuse";
};

export type StrongRules = Required<StrongOptions>;

/** The result of `strong`, for the option `models` of a server. */
export type StrongModel = {
  /** The projection. */
  readonly strong: AnyProjection;
  /** Its options, with the defaults. */
  readonly rules: StrongRules;
};

/** A read model of a server: a projection, or `strong(projection)`. */
export type ServerModel = AnyProjection | StrongModel;

/**
 * Makes a read model strong. Its rows change in the transaction of the append, so a reader never finds them behind.
 * Its handlers may refuse a commit by `veto(code, message)`.
 *
 * @example
 * await serve({ domain, store, authorize, models: [strong(names), board] });
 *
 * @param projection a projection whose aggregates are in the domain
 * @param options what happens if the model throws, and until its rows are built
 *
 * @throws DefinitionError (`definition`) if an option is not known, or has another value.
 */
export function strong(projection: AnyProjection, options: StrongOptions = {}): StrongModel {
  const rules: StrongRules = { onError: options.onError ?? "reject", untilReady: options.untilReady ?? "pass" };
  requireKnownOptions("`strong`", options, rules);
  requireChoice("onError", rules.onError, ["reject", "park"]);
  requireChoice("untilReady", rules.untilReady, ["pass", "refuse"]);
  return { strong: projection, rules };
}

export function isStrongModel(model: ServerModel): model is StrongModel {
  return typeof model === "object" && model !== null && "strong" in model;
}

function requireChoice(option: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return;
  const list = choices.map((choice) => JSON.stringify(choice)).join(" or ");
  refuseDefinition(`The option \`${option}\` of strong() is ${JSON.stringify(value)}`, `Write ${list}.`);
}

/** The project's own simulation: its domain and commands. The tests and `npm run simulate` use the same. */
import type { AggregateDefinition, DomainDefinition } from "../../../src/core/domain/definition.ts";
import type { Domain } from "../../../src/core/domain/define-domain.ts";
import type { SimulateOptions } from "../../../src/testing/simulate/options.ts";
import { domain as board } from "../board-domain.ts";
import { boardCommands } from "./commands.ts";
import { notes } from "./poison.ts";

const projections = new Map(board.definition.projections).set(notes.definition.name, notes.definition);
const domain: Domain = { definition: { ...withFormer(board.definition), projections, version: 2 } };

/** The previous release, which has no notes, and writes `TaskFinished` where this one writes `TaskCompleted`. */
const previous: Domain = { definition: { ...finishing(withoutNotes(board.definition)), projections, version: 1 } };

function withoutNotes(definition: DomainDefinition): DomainDefinition {
  return changed(definition, (aggregate) => ({
    ...aggregate,
    events: new Map([...aggregate.events].filter(([type]) => type !== "TaskNoted")),
    commands: new Map([...aggregate.commands].filter(([command]) => command !== "note")),
  }));
}

/** Reads one event of the previous release as two. */
function withFormer(definition: DomainDefinition): DomainDefinition {
  const former = new Map([
    [
      "TaskFinished",
      {
        version: 1,
        upcast: () => [
          { type: "TaskCompleted", data: {} },
          { type: "TaskNoted", data: { text: "finished" } },
        ],
      },
    ],
  ]);
  return changed(definition, (aggregate) =>
    aggregate.name === "task" ? { ...aggregate, former, version: aggregate.version + 1 } : aggregate,
  );
}

function finishing(definition: DomainDefinition): DomainDefinition {
  return changed(definition, (aggregate) => {
    const [completed, complete] = [aggregate.events.get("TaskCompleted"), aggregate.commands.get("complete")];
    if (!completed || !complete) return aggregate;
    const decide: typeof complete.decide = (...given) => {
      const decision = complete.decide(...given);
      return "rejected" in decision ? decision : decision.map((draft) => ({ ...draft, type: "TaskFinished" }));
    };
    return {
      ...aggregate,
      events: new Map(aggregate.events).set("TaskFinished", completed),
      commands: new Map(aggregate.commands).set("complete", { ...complete, decide }),
      evolve: (state, event) =>
        aggregate.evolve(state, event.type === "TaskFinished" ? { ...event, type: "TaskCompleted" } : event),
    };
  });
}

function changed(
  definition: DomainDefinition,
  change: (aggregate: AggregateDefinition) => AggregateDefinition,
): DomainDefinition {
  const aggregates = [...definition.aggregates].map(([name, aggregate]) => [name, change(aggregate)] as const);
  return { ...definition, aggregates: new Map(aggregates) };
}

export const simulation: { readonly domain: Domain; readonly options: SimulateOptions } = {
  domain,
  options: { commands: boardCommands, previous },
};

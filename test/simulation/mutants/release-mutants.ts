/** Planted faults of folds and decisions: releases that differ from the release that they claim to be. */
import type {
  AggregateDefinition,
  CommandDefinition,
  DomainDefinition,
  ProjectionDefinition,
} from "../../../src/core/domain/definition.ts";
import { simulation } from "../../support/simulation/simulation.ts";
import type { Mutant } from "./mutant.ts";

function withProjections(
  domain: DomainDefinition,
  change: (projection: ProjectionDefinition) => ProjectionDefinition,
): DomainDefinition {
  return {
    ...domain,
    projections: new Map([...domain.projections].map(([name, projection]) => [name, change(projection)])),
  };
}

function withAggregates(
  domain: DomainDefinition,
  change: (aggregate: AggregateDefinition) => AggregateDefinition,
): DomainDefinition {
  return {
    ...domain,
    aggregates: new Map([...domain.aggregates].map(([name, aggregate]) => [name, change(aggregate)])),
  };
}

function withCommands(
  domain: DomainDefinition,
  change: (command: CommandDefinition) => CommandDefinition,
): DomainDefinition {
  return withAggregates(domain, (aggregate) => ({
    ...aggregate,
    commands: new Map([...aggregate.commands].map(([name, command]) => [name, change(command)])),
  }));
}

export const releaseMutants: readonly Mutant[] = [
  {
    name: "merge-not-asked",
    what: "the server decides again although the command has a merge function",
    parts: () => ({
      release: (domain, side) =>
        side === "tab"
          ? domain
          : withCommands(domain, (command) =>
              typeof command.onConflict === "function" ? { ...command, onConflict: "rebase" } : command,
            ),
    }),
  },
  {
    name: "merge-without-theirs",
    what: "a merge function does not get the earlier events of other authors",
    parts: () => ({
      release: (domain, side) =>
        side === "tab"
          ? domain
          : withCommands(domain, (command) => {
              const { onConflict } = command;
              return typeof onConflict === "function"
                ? {
                    ...command,
                    onConflict: (state, input, context) => onConflict(state, input, { ...context, theirs: [] }),
                  }
                : command;
            }),
    }),
  },
  {
    name: "unreadable-stream-goes-on",
    what: "a stream with an unknown event accepts commands, as if the event did not exist",
    parts: () => ({
      release: (domain) =>
        withAggregates(domain, (aggregate) => ({
          ...aggregate,
          events: simulation.domain.definition.aggregates.get(aggregate.name)?.events ?? aggregate.events,
          evolve: (state, event) => (aggregate.events.has(event.type) ? aggregate.evolve(state, event) : state),
        })),
    }),
  },
  {
    name: "poison-row-emptied",
    what: "an event that a projection cannot fold leaves an empty row",
    parts: () => ({
      release: (domain) =>
        withProjections(domain, (projection) => ({
          ...projection,
          apply: (row, event) => {
            try {
              return projection.apply(row, event);
            } catch {
              return null;
            }
          },
        })),
    }),
  },
];

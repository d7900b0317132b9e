/** The project's own simulation: its domain and commands. The tests and `npm run simulate` use the same. */
import type { DomainDefinition } from "../../../src/core/domain/definition.ts";
import type { Domain } from "../../../src/core/domain/define-domain.ts";
import type { SimulateOptions } from "../../../src/testing/simulate/options.ts";
import { domain as board } from "../board-domain.ts";
import { boardCommands } from "./commands.ts";
import { notes } from "./poison.ts";

const projections = new Map(board.definition.projections).set(notes.definition.name, notes.definition);
const domain: Domain = { definition: { ...board.definition, projections, version: 2 } };

/** The previous release, which has no notes. */
const previous: Domain = { definition: { ...withoutNotes(domain.definition), version: 1 } };

function withoutNotes(definition: DomainDefinition): DomainDefinition {
  const aggregates = [...definition.aggregates].map(([name, aggregate]) => {
    const events = new Map([...aggregate.events].filter(([type]) => type !== "TaskNoted"));
    const commands = new Map([...aggregate.commands].filter(([command]) => command !== "note"));
    return [name, { ...aggregate, events, commands }] as const;
  });
  return { ...definition, aggregates: new Map(aggregates) };
}

export const simulation: { readonly domain: Domain; readonly options: SimulateOptions } = {
  domain,
  options: { commands: boardCommands, previous },
};

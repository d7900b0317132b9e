/** The aggregates, models and process managers of a server by their names, because handles cannot cross an RPC. */
import { handleName } from "../base/check-arguments.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { AnyAggregate, AnyProjection } from "../../core/domain/handle-types.ts";
import { DefinitionError } from "../../core/values/errors.ts";
import { type AnyProcessManager, splitSubscribers } from "../processes/process-manager.ts";
import { notSqlModel } from "../server-log/query.ts";
import { nameOfAggregate, noAggregate } from "../server-log/server-log.ts";
import type { Subscriber } from "../subscribers/subscriber.ts";
import { type AnySqlModel, isSqlModel } from "../read-models/sql-model.ts";
import { isStrongModel, type ServerModel } from "../read-models/strong.ts";

export class LogHandles {
  readonly #domain: DomainDefinition;
  readonly #models: ReadonlyMap<string, AnyProjection>;

  constructor(
    domain: DomainDefinition,
    models: readonly ServerModel[] = [],
    subscribers: readonly (Subscriber | AnyProcessManager)[] = [],
  ) {
    this.#domain = domain;
    const handles = models.map((model) => (isStrongModel(model) ? model.strong : model));
    const all = [...handles, ...splitSubscribers(subscribers).processes];
    this.#models = new Map(all.map((handle) => [handle.name, handle]));
  }

  aggregate(name: string): AnyAggregate {
    const definition = this.#domain.aggregates.get(name);
    if (!definition) throw noAggregate(name);
    return { name, definition, reads: [] };
  }

  model(name: string): AnyProjection {
    const handle = this.#models.get(name);
    if (!handle) throw noModel(name);
    return handle;
  }

  sqlModel(name: string): AnySqlModel {
    const handle = this.model(name);
    if (isSqlModel(handle)) return handle;
    throw notSqlModel(name);
  }

  nameOfAggregate(handle: AnyAggregate): string {
    return nameOfAggregate(this.#domain, handle);
  }

  /** The name of a model. Throws if the server does not have exactly this one. */
  nameOfModel(handle: AnyProjection | string): string {
    const name = handleName("a model", handle);
    const found = this.model(name);
    if (typeof handle !== "string" && handle.definition !== found.definition) throw noModel(name);
    return name;
  }
}

function noModel(name: string): DefinitionError {
  return new DefinitionError({
    message: `The server has no model ${name} with this definition`,
    fix: `Add it to the option \`models\` of the server: models: [${name}, …].`,
  });
}

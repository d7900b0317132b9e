/** The aggregates, models and process managers of a server by their names, because handles cannot cross an RPC. */
import type { DomainDefinition, ProjectionDefinition } from "../../core/domain/definition.ts";
import type { AnyAggregate, AnyProjection } from "../../core/domain/handle-types.ts";
import { type AnyProcessManager, splitSubscribers } from "../processes/process-manager.ts";
import { modelOf } from "../server-log/models.ts";
import { notSqlModel } from "../server-log/query.ts";
import { nameOfAggregate, noAggregate } from "../server-log/server-log.ts";
import type { Subscriber } from "../subscribers/subscriber.ts";
import { type AnySqlModel, isSqlModel } from "../read-models/sql-model.ts";
import { isStrongModel, type ServerModel } from "../read-models/strong.ts";

export class LogHandles {
  readonly #domain: DomainDefinition;
  readonly #models: ReadonlyMap<string, { readonly handle: AnyProjection; readonly projection: ProjectionDefinition }>;

  constructor(
    domain: DomainDefinition,
    models: readonly ServerModel[] = [],
    subscribers: readonly (Subscriber | AnyProcessManager)[] = [],
  ) {
    this.#domain = domain;
    const handles = models.map((model) => (isStrongModel(model) ? model.strong : model));
    const all = [...handles, ...splitSubscribers(subscribers).processes];
    this.#models = new Map(all.map((handle) => [handle.name, { handle, projection: handle.definition }]));
  }

  aggregate(name: string): AnyAggregate {
    const definition = this.#domain.aggregates.get(name);
    if (!definition) throw noAggregate(this.#domain.aggregates, name);
    return { name, definition, reads: [] };
  }

  model(name: string): AnyProjection {
    return modelOf(this.#models, name).handle;
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
    return modelOf(this.#models, handle).handle.name;
  }
}

/**
 * The read models of a server: projections with the domain that they are folded in, checked when the server starts.
 *
 * Guarantees: a model is checked before the server listens (read-models.on-a-server.test.ts).
 */
import type { DomainDefinition, ProjectionDefinition } from "../../core/domain/definition.ts";
import type { AnyProjection } from "../../core/domain/handle-types.ts";
import { projectionIdentity } from "../../core/fold/identity.ts";
import { refuseDefinition } from "../../core/values/refuse.ts";
import type { ModelStore } from "../stores/model-store.ts";
import { DacapoError } from "../../core/values/errors.ts";
import { isSqlModel, type SqlModelDefinition } from "./sql-model.ts";
import { isStrongModel, type ServerModel, type StrongRules } from "./strong.ts";

export type ReadModel = {
  readonly name: string;
  readonly version: number;
  /** The versions that the rows depend on, such as `board@2<column@1,task@1`. Another identity has another follower. */
  readonly identity: string;
  /** The name of its follower. */
  readonly follower: string;
  /** The name of the follower that builds other rows beside them. */
  readonly beside: string;
  readonly projection: ProjectionDefinition;
  /** The domain with this projection alone. */
  readonly domain: DomainDefinition;
  /** The rules of a model whose rows change in the append's transaction. Null: they change after it. */
  readonly strong: StrongRules | null;
  /** Its own tables. Null: it has rows. */
  readonly sql: SqlModelDefinition | null;
};

/** The table of a follower with the rows, and the one with the states of the streams at the follower's cursor. */
export const ROWS = "rows";
export const STATES = "states";

const PREFIX = { rows: "rows/", beside: "beside/" } as const;

/** The name of the model that a follower folds. Null: the follower is no read model. */
export function modelOfFollower(follower: string): string | null {
  const prefix = Object.values(PREFIX).find((one) => follower.startsWith(one));
  return prefix === undefined ? null : (follower.slice(prefix.length).split("@")[0] ?? null);
}

/** The identity of the model whose rows a follower has. */
export function identityOf(follower: string): string {
  return follower.slice(PREFIX.rows.length);
}

/** True for a follower that has rows of a model, of any version. */
export function isRowsOf(follower: string, model: string): boolean {
  return follower.startsWith(PREFIX.rows) && modelOfFollower(follower) === model;
}

/** The beginning of the names of the followers of a version, whatever the versions of its aggregates are. */
export function followerPrefix(name: string, version: number): string {
  return `${PREFIX.rows}${name}@${version}<`;
}

/** Checks the option `models` of a server, and returns its models by name. */
export function readModels(
  domain: DomainDefinition,
  handles: readonly ServerModel[],
  store: { readonly models?: ModelStore },
): ReadonlyMap<string, ReadModel> {
  const models = new Map<string, ReadModel>();
  const list: unknown = handles;
  if (!Array.isArray(list)) refuseDefinition("The option `models` is not an array", "Write models: [board, …].");
  for (const [index, given] of handles.entries()) {
    const handle = isStrongModel(given) ? given.strong : given;
    // As a model, a process manager would fold its rows and send no command.
    if (typeof handle?.definition?.apply !== "function" || "process" in handle)
      refuseDefinition(
        `models[${index}] is not a read model`,
        "List results of projection(), sqlModel() or strong() here, and of subscriber() or processManager() in " +
          "`subscribers`. An import may be undefined if files import each other in a circle.",
      );
    const model = readModel(domain, handle, isStrongModel(given) ? given.rules : null);
    if (models.has(model.name))
      refuseDefinition(
        `The option \`models\` has two projections of the name ${model.name}`,
        "Rename one of them, because stored rows belong to the name.",
      );
    models.set(model.name, model);
  }
  requireTables([...models.values()], store.models);
  if (models.size > 0 && !store.models)
    refuseDefinition(
      "The store of the server keeps no read models",
      "Use a store with the member `models`, such as sqlite() or memory(), or leave out the option `models`.",
    );
  return models;
}

/** Refuses SQL models of a store without SQL, and two SQL models with a table of one name. */
function requireTables(models: readonly ReadModel[], store: ModelStore | undefined): void {
  const owners = new Map<string, string>();
  for (const { name, sql } of models) {
    if (!sql) continue;
    if (store && !store.sql)
      throw new DacapoError("sql-models-unsupported", "after-fix", {
        message: `The store of the server has no SQL, so it cannot keep the SQL model ${name}`,
        fix: 'Use sqlite(), postgres() or a Durable Object. Tests can use sqlite(":memory:").',
        details: { model: name },
      });
    for (const table of sql.tables.keys()) {
      const other = owners.get(table);
      if (other !== undefined)
        refuseDefinition(
          `The SQL models ${other} and ${name} both have the table ${table}`,
          "Rename one of them, because both would have the same view.",
        );
      owners.set(table, name);
    }
  }
}

function readModel(domain: DomainDefinition, handle: AnyProjection, rules: StrongRules | null): ReadModel {
  const { definition: projection, from } = handle;
  const { name, version } = projection;
  for (const { definition } of from) {
    if (domain.aggregates.get(definition.name) === definition) continue;
    refuseDefinition(
      `The model ${name} folds the aggregate ${definition.name}, which the domain of the server does not have`,
      `Add ${definition.name} to the domain's aggregates, and import the same handle in both places.`,
    );
  }
  const identity = projectionIdentity(domain, projection);
  return {
    name,
    version,
    identity,
    follower: `${PREFIX.rows}${identity}`,
    beside: `${PREFIX.beside}${identity}`,
    projection,
    domain: { ...domain, projections: new Map([[name, projection]]) },
    strong: rules,
    sql: isSqlModel(handle) ? handle.sql : null,
  };
}

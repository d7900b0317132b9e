/**
 * The declaration of a SQL model: a read model whose handlers return statements on the app's own tables.
 *
 * Guarantees (sql-model.test.ts):
 * - A statement names only the tables of its model. Otherwise its event is parked, or its commit is rejected.
 */
import type { StreamTransition } from "../../core/domain/definition.ts";
import type { Erased } from "../../core/domain/erased.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import type { AnyAggregate, Projection, TypesOf } from "../../core/domain/handle-types.ts";
import { projection } from "../../core/domain/projection.ts";
import { exceedsBytes } from "../../core/values/byte-length.ts";
import { type OptionNames, requireKnownOptions } from "../../core/values/known-options.ts";
import { dropPromise } from "../../core/values/promise.ts";
import { refuseDefinition } from "../../core/values/refuse.ts";
import { placeholder, type SqlParam, type SqlRow, type SqlVeto } from "../stores/sql-tables.ts";
import { sqlTokens } from "../stores/sql/tokens.ts";
import { sqlProblem } from "./check-sql.ts";

/** A statement that a handler returns. */
export type SqlChange = {
  /** One `insert`, `update` or `delete`, with `t.name` for each table and `?` for each value. */
  readonly sql: string;
  /** The values, in the order of the marks. */
  readonly params?: readonly SqlParam[];
  /**
   * The code and the message of the rejection if the database refuses this statement, such as for a unique key. Only
   * for a strong model.
   *
   * @default the code `model-failed`, with the reason of the database
   */
  readonly veto?: SqlVeto;
};

/** The names of a model's tables, for the text of statements. */
export type SqlNames<Table extends string> = { readonly [Name in Table]: string };

/** Any event of some aggregates, with the state of its stream before and after it. */
type EventWithStates<A extends AnyAggregate> = A extends AnyAggregate
  ? {
      [Type in keyof TypesOf<A>["events"] & string]: DomainEvent<
        Type,
        TypesOf<A>["events"][Type],
        TypesOf<A>["name"]
      > & { readonly before: TypesOf<A>["state"]; readonly after: TypesOf<A>["state"] };
    }[keyof TypesOf<A>["events"] & string]
  : never;

/** A conditional type, so that `tables` alone decides the names, before TypeScript reads the handlers. */
type Handlers<Event extends { readonly type: string }, Table extends string> = [Table] extends [infer T extends string]
  ? { readonly [E in Event as E["type"]]?: (event: E, t: SqlNames<T>) => readonly SqlChange[] }
  : never;

/** The options of `sqlModel`. TypeScript infers the type parameters. */
export type SqlModelOptions<From extends readonly AnyAggregate[], Table extends string> = {
  /**
   * A whole number from 1. Raise it when a table or a handler changes, so that Dacapo builds new tables from the log.
   * The views of the tables have it in their names.
   */
  readonly version: number;
  /** The aggregates whose events it folds. At least one. */
  readonly from: From;
  /**
   * The tables. Each function returns `create table ${t} (…)`, or a list that begins with it and continues with
   * `create index ${t}_name on ${t} (…)`. A name has the characters a-z, 0-9 and _, and 40 at most.
   */
  readonly tables: { readonly [Name in Table]: (t: string) => string | readonly string[] };
  /** A handler for each event type. It returns the statements of the event, in order. */
  readonly on: Handlers<EventWithStates<From[number]>, Table>;
};

/** A SQL table of a model. */
export type SqlTableDefinition = {
  /** The statements that create it and its indexes. */
  readonly create: readonly string[];
  /** The view that shows its rows, such as `invoice_v1`. */
  readonly view: string;
};

/** A SQL model, with its types erased. */
export type SqlModelDefinition = {
  /** The tables by name. */
  readonly tables: ReadonlyMap<string, SqlTableDefinition>;
  /** The placeholders of the tables. */
  readonly names: Readonly<Record<string, string>>;
  /** Returns the checked statements of an event. Throws if one is wrong. */
  readonly statements: (event: DomainEvent, around: Omit<StreamTransition, "key">) => readonly SqlChange[];
};

/** The handle of a SQL model. */
export type SqlModel<Name extends string, Table extends string> = Projection<Name, SqlRow> & {
  /** For Dacapo only: the tables and statements with their types erased. */
  readonly sql: SqlModelDefinition & { readonly names: SqlNames<Table> };
};

/** Any SQL model, for functions with a SQL model as a parameter. */
export type AnySqlModel = SqlModel<string, string>;

const TABLE = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/;
const TABLE_LENGTH_MAX = 40;
/** The text and the values of the statements of one event, in bytes. */
const STATEMENTS_BYTES_MAX = 1024 * 1024;

/**
 * Defines a read model with tables of its own in the database of the server, for reports in SQL. It needs a store with
 * SQL: `sqlite`, `postgres` or a Durable Object.
 *
 * The view `invoice_v1` shows the rows of the table `invoice` of version 1, of all logs, with the log's name in the
 * first column `log`.
 *
 * @example
 * const invoices = sqlModel("invoices", {
 *   version: 1,
 *   from: [order],
 *   tables: { invoice: (t) => `create table ${t} (id text primary key, total integer not null) strict` },
 *   on: {
 *     OrderPaid: ({ stream, after }, t) => [
 *       { sql: `insert into ${t.invoice} values (?, ?)`, params: [stream, after?.total ?? 0] },
 *     ],
 *   },
 * });
 * await serve({ domain, store, authorize, models: [invoices] }); // or strong(invoices)
 *
 * @throws DefinitionError (`definition`) if a name, a version, a table or a handler is wrong.
 */
export function sqlModel<const Name extends string, const From extends readonly AnyAggregate[], Table extends string>(
  name: Name,
  options: SqlModelOptions<From, Table>,
): SqlModel<Name, Table>;
export function sqlModel(name: string, options: ErasedOptions): AnySqlModel {
  requireKnownOptions(`The SQL model ${name}`, options, OPTIONS);
  const { version, from, on } = options;
  for (const [type, handler] of Object.entries(on ?? {}))
    if (handler !== undefined && typeof handler !== "function")
      refuseDefinition(
        `The handler of the SQL model ${name} for ${type} is not a function`,
        "Write (event, t) => [{ sql, params }].",
      );
  // It checks the name, the version, the aggregates and the types of events.
  const rows = Object.fromEntries(Object.keys(on ?? {}).map((type) => [type, () => null]));
  const { definition } = projection(name, { version, from, initial: null, key: () => null, on: rows });
  const tables = tablesOf(name, options);
  const names = Object.freeze(Object.fromEntries([...tables.keys()].map((table) => [table, placeholder(table)])));
  return {
    name,
    from,
    definition,
    sql: {
      tables,
      names,
      statements: (event, around) => {
        const handler = on?.[event.type];
        return handler ? checkedChanges(name, names, handler({ ...event, ...around }, names)) : [];
      },
    },
  };
}

type Handler = Erased<
  [event: DomainEvent & Omit<StreamTransition, "key">, t: Readonly<Record<string, string>>],
  readonly SqlChange[]
>;

type ErasedOptions = {
  readonly version: number;
  readonly from: readonly AnyAggregate[];
  readonly tables: { readonly [name: string]: (t: string) => string | readonly string[] };
  readonly on: { readonly [type: string]: Handler | undefined };
};

const OPTIONS: OptionNames<ErasedOptions> = { version: true, from: true, tables: true, on: true };

function tablesOf(model: string, { version, tables }: ErasedOptions): ReadonlyMap<string, SqlTableDefinition> {
  const found = new Map<string, SqlTableDefinition>();
  for (const [name, make] of Object.entries(tables ?? {})) {
    if (!TABLE.test(name) || name.length > TABLE_LENGTH_MAX || /^(dacapo|sqlite|pg)_/.test(name))
      refuseDefinition(
        `The SQL model ${model} has the table ${name}, which is not a valid name`,
        "Use at most 40 of a-z, 0-9 and single _ between them, a letter first. It must not begin with dacapo_ or pg_.",
      );
    const made: unknown = typeof make === "function" ? make(placeholder(name)) : "";
    const create: readonly unknown[] = Array.isArray(made) && made.length > 0 ? made : [made];
    const checked: string[] = [];
    for (const [n, sql] of create.entries()) {
      const kind = n === 0 ? "table" : "index";
      const problem =
        typeof sql === "string"
          ? (ownProblem(sql, name, kind) ?? sqlProblem(sql, "create"))
          : "a statement is not a text";
      if (typeof sql !== "string" || problem !== null)
        return refuseDefinition(
          `The SQL model ${model} cannot create its table ${name}: ${problem}`,
          "Return `create table ${t} (…)`, and then the indexes.",
          { sql: String(sql) },
        );
      checked.push(sql);
    }
    found.set(name, { create: checked, view: `${name}_v${version}` });
  }
  if (found.size > 0) return found;
  return refuseDefinition(
    `The SQL model ${model} has no tables`,
    "Add tables: { invoice: (t) => `create table ${t} (…)` }.",
  );
}

/** The first statement creates the table, and each other one an index of it. */
function ownProblem(sql: string, name: string, kind: "table" | "index"): string | null {
  const [first, second] = sqlTokens(sql).map(({ text }) => text);
  const made = second === "unique" ? "index" : second;
  if (first !== "create" || made !== kind) return `a statement does not create the ${kind}`;
  const names = [...sql.matchAll(/«([^»]*)»/g)].map(([, one]) => one);
  return names.every((one) => one === name) ? null : "it names another table";
}

/** Checks the result of a handler. Programs without types may return anything. */
function checkedChanges(
  model: string,
  names: Readonly<Record<string, string>>,
  given: readonly SqlChange[],
): readonly SqlChange[] {
  const list: unknown = given;
  if (!Array.isArray(list))
    refuseDefinition(
      `A handler of the SQL model ${model} returned ${dropPromise(list) ? "a promise" : "no list"}`,
      "Return [{ sql, params }], or []. A handler is not async.",
    );
  let text = "";
  for (const change of given) {
    const problem = formProblem(change) ?? changeProblem(change.sql, names);
    if (problem !== null)
      refuseDefinition(
        `A statement of the SQL model ${model} is refused: ${problem}`,
        "Change only the tables of the model, with `t.name` for each table and ? for each value.",
        { sql: String(change?.sql) },
      );
    const { sql, params = [] } = change;
    const wrong = params.findIndex((value) => !isParam(value));
    if (wrong >= 0)
      refuseDefinition(
        `The param ${wrong + 1} of a statement of the SQL model ${model} is not a text, a number or null`,
        "Convert it, such as a boolean to 0 or 1.",
        { sql },
      );
    text += sql + params.join("");
  }
  if (exceedsBytes(text, STATEMENTS_BYTES_MAX))
    refuseDefinition(`The statements of an event of the SQL model ${model} have more than 1 MiB`, "Store less.");
  return given;
}

function formProblem(change: Partial<Record<keyof SqlChange, unknown>> | null | undefined): string | null {
  if (typeof change?.sql !== "string") return "it is not { sql, params } with a text `sql`";
  const { params, veto } = change;
  if (params !== undefined && !Array.isArray(params)) return "its `params` are not a list";
  return veto === undefined || isVeto(veto) ? null : "its `veto` is not { code, message } with two texts";
}

function isVeto(veto: unknown): boolean {
  if (typeof veto !== "object" || veto === null || !("code" in veto && "message" in veto)) return false;
  return typeof veto.code === "string" && veto.code !== "" && typeof veto.message === "string";
}

/** Problems of texts that were checked lately. Handlers return few different texts. */
const CHECKED = new Map<string, string | null>();
const CHECKED_MAX = 1_000;

function changeProblem(sql: string, names: Readonly<Record<string, string>>): string | null {
  const foreign = [...sql.matchAll(/«([^»]*)»/g)].find(([, name = ""]) => !Object.hasOwn(names, name));
  if (foreign) return `it names ${foreign[0]}, which is not a table of the model`;
  const known = CHECKED.get(sql);
  if (known !== undefined) return known;
  if (CHECKED.size >= CHECKED_MAX) CHECKED.clear();
  const problem = sqlProblem(sql, "change");
  CHECKED.set(sql, problem);
  return problem;
}

export function isParam(value: unknown): value is SqlParam {
  if (value === null) return true;
  return typeof value === "string" ? value.isWellFormed() : typeof value === "number" && Number.isFinite(value);
}

/** True if a model has SQL tables. */
export function isSqlModel(model: object): model is AnySqlModel {
  return "sql" in model;
}

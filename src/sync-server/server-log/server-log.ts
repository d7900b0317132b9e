/** One log for the code of the server: its rows, its streams, and commands of the server's own code. */
import type { AnyAggregate, AnyProjection, RowOf, StateOf } from "../../core/domain/handle-types.ts";
import type { CommandRequest, DomainDefinition } from "../../core/domain/definition.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import { DefinitionError } from "../../core/values/errors.ts";
import type { OptionNames } from "../../core/values/known-options.ts";
import type { LogName } from "../../core/values/ids.ts";
import { uuidv7, UUID_RANDOM_BYTES } from "../../core/values/id.ts";
import {
  handleName,
  invalid,
  isCount,
  requireCallOptions,
  requireLogName,
  requireObject,
  shown,
} from "../base/check-arguments.ts";
import type { Env } from "../base/env.ts";
import type { Executed } from "../base/executed.ts";
import { listOf } from "../base/list-of.ts";
import { streamName } from "../../core/values/names.ts";
import { execute, type ExecuteContext, type ExecuteOptions } from "./execute.ts";
import type { LogModels } from "./log-models.ts";
import { logModels, type ModelsContext } from "./models.ts";
import { query, type QueryOptions, type QueryPage, type TablesOf } from "./query.ts";
import type { AnySqlModel } from "../read-models/sql-model.ts";
import type { SqlParam } from "../stores/sql-tables.ts";
import { readRows, type RowsContext, type RowsOptions, type RowsPage } from "./rows.ts";
import { historyOf, type LoadedStream, loadStream, loadStreamAt, type StreamPlace } from "./streams.ts";
import { type FollowedEvent, subscribe, type SubscribeContext, type SubscribeOptions } from "./subscribe.ts";
import { type LogSubscribers, logSubscribers } from "../subscribers/log-subscribers.ts";
import type { Subscribers } from "../subscribers/subscribers.ts";
import { type LogProcesses, logProcesses } from "../processes/log-processes.ts";
import type { Processes } from "../processes/processes.ts";

/** A log for the code of the server. */
export type ServerLog = {
  /** The log's name. */
  readonly name: string;
  /**
   * Executes a command, or several that succeed or fail together, on the current states. Devices see the events as
   * those of the author.
   *
   * @example
   * const pay = order.command.pay("o1");
   * const { events } = await server.log("shop").execute(pay, { actor: "till-3", expectedVersion: 2 });
   *
   * @throws RejectedError (`rejected`) if the domain rejects a command. `details.code` is its code.
   * @throws ConcurrencyError (`concurrency`) if the stream has another version than `expectedVersion`.
   * @throws ValidationError (`invalid`) if a command or an option is not valid.
   * @throws DacapoError (`gone`, `overloaded`, `unreachable`) if the log or the server cannot record now.
   * @throws StorageFullError (`storage-full`) if the store is full.
   */
  readonly execute: (
    commands: CommandRequest | readonly CommandRequest[],
    options?: ExecuteOptions,
  ) => Promise<Executed>;
  /**
   * Returns the state of a stream, its version, and the cursor at which it was read.
   *
   * @example
   * const { state, version } = await server.log("shop").load(order, "o1");
   *
   * @throws RejectedError (`rejected`) with `details.code` `stream-unreadable` if this code cannot fold its events.
   * @throws ValidationError (`invalid`) if the id is not valid.
   * @throws DacapoError (`gone`) if the log was deleted.
   */
  readonly load: <A extends AnyAggregate>(aggregate: A, id: string) => Promise<LoadedStream<StateOf<A>>>;
  /**
   * True if the stream has an event.
   *
   * @example
   * if (!(await server.log("shop").exists(order, "o1"))) console.warn("There is no order o1");
   */
  readonly exists: (aggregate: AnyAggregate, id: string) => Promise<boolean>;
  /**
   * Returns an earlier state of a stream: after the event with a version, or as of a position of the log.
   *
   * @example
   * const before = await server.log("shop").stateAt(order, "o1", { version: 1 });
   *
   * @throws RejectedError (`rejected`) with `details.code` `no-such-version` if the stream has fewer events.
   */
  readonly stateAt: <A extends AnyAggregate>(aggregate: A, id: string, place: StreamPlace) => Promise<StateOf<A>>;
  /**
   * Returns the events of a stream after a version, oldest first.
   *
   * @example
   * for await (const event of server.log("shop").history(order, "o1")) console.log(event.version, event.type);
   *
   * @throws ValidationError (`invalid`), DefinitionError (`definition`) at the call, if an argument is not valid.
   * @throws DacapoError (`gone`) from the first event on, if the log was deleted.
   */
  readonly history: (aggregate: AnyAggregate, id: string, options?: HistoryOptions) => AsyncIterable<DomainEvent>;
  /**
   * Follows the events of the log, until `signal` aborts or the server closes. Nothing is stored, so a program that
   * restarts passes the cursor of its last event.
   *
   * @example
   * const paid = server.log("shop").subscribe({ types: ["OrderPaid"] });
   * for await (const { event, at } of paid) console.log(event.stream, at);
   *
   * @throws ValidationError (`invalid`) at the call, if an option is not valid.
   * @throws DacapoError (`diverged`) if the log does not contain the cursor, or was restored meanwhile; `gone` if the
   *   log was deleted.
   */
  readonly subscribe: (options?: SubscribeOptions) => AsyncIterable<FollowedEvent>;
  /**
   * Returns rows of a model of the server. A page is of one cursor, and two pages may be of two cursors.
   *
   * @example
   * const { rows, at } = await server.log("team-7").rows(board, { prefix: "task/" });
   *
   * @throws DefinitionError (`definition`) if the server does not have this model.
   * @throws ValidationError (`invalid`) if an option is not valid.
   * @throws DacapoError (`diverged`) if the log does not contain `at`.
   * @throws DacapoError (`rows-behind`) if the rows did not reach `at` in time.
   * @throws DacapoError (`rows-building`) if the rows were not there in time.
   * @throws DacapoError (`gone`) if the log was deleted.
   * @throws StorageFullError (`storage-full`), StorageLostError (`storage-lost`) if the store fails.
   */
  readonly rows: <P extends AnyProjection>(model: P | string, options?: RowsOptions) => Promise<RowsPage<RowOf<P>>>;
  /**
   * Runs a query on the tables of a SQL model in this log. It changes nothing, and sees one snapshot. On SQLite a long
   * query stops the process while it runs, so read a large report from the views by a connection of your own.
   *
   * @example
   * const large = (t) => `select id, total from ${t.invoice} where total > ? order by total desc`;
   * const { rows, at } = await server.log("shop").query(invoices, large, [1000]);
   *
   * @throws DefinitionError (`definition`) if the server does not have this model.
   * @throws ValidationError (`invalid`) if the query names another table or changes something, or if the database
   *   refuses it.
   * @throws DacapoError (`diverged`, `rows-behind`, `rows-building`, `rows-not-populated`, `gone`), as `rows` does.
   */
  readonly query: <M extends AnySqlModel>(
    model: M,
    sql: (t: TablesOf<M>) => string,
    params?: readonly SqlParam[],
    options?: QueryOptions,
  ) => Promise<QueryPage>;
  /**
   * The places of the server's subscribers in this log, and the actions of an operator on them.
   *
   * @example
   * const [mailer] = await server.log("shop").subscribers.list();
   */
  readonly subscribers: LogSubscribers;
  /**
   * The places of the server's process managers in this log, and the actions of an operator on them. Their rows are
   * read by `rows`.
   *
   * @example
   * const [fulfilment] = await server.log("shop").processes.list();
   */
  readonly processes: LogProcesses;
  /** The read models of this log: their state, and jobs that build their rows again. */
  readonly models: LogModels;
};

export type ServerLogContext = RowsContext &
  ExecuteContext &
  SubscribeContext &
  ModelsContext & { readonly subscribers: Subscribers; readonly processes: Processes };

const WHAT_STATE = "The earlier state cannot be read";

export function serverLog(context: ServerLogContext, log: LogName): ServerLog {
  requireLogName(log);
  const streamOf = (aggregate: AnyAggregate, id: string): string =>
    streamName(nameOfAggregate(context.domain, aggregate), id);
  const rowsContext = { ...context, models: new Map([...context.models, ...context.processes.definitions]) };
  return {
    name: log,
    execute: (commands, options = {}) => execute(context, log, listOf(commands), options),
    // The state has the type of its aggregate, because the domain has exactly this aggregate.
    load: async <A extends AnyAggregate>(aggregate: A, id: string) =>
      (await loadStream(context, log, streamOf(aggregate, id))) as LoadedStream<StateOf<A>>,
    exists: async (aggregate, id) => {
      const stream = streamOf(aggregate, id);
      return (await context.store.written(log, [stream])).has(stream);
    },
    stateAt: async <A extends AnyAggregate>(aggregate: A, id: string, place: StreamPlace) =>
      (await loadStreamAt(context, log, streamOf(aggregate, id), requirePlace(place))) as StateOf<A>,
    history: (aggregate, id, options = {}) => historyOf(context, log, streamOf(aggregate, id), historyAfter(options)),
    subscribe: (options = {}) => subscribe(context, log, options),
    rows: (model, options = {}) => readRows(rowsContext, log, model, options),
    query: (model, text, params = [], options = {}) => query(context, log, model, { text, params, options }),
    subscribers: logSubscribers(context.store, context.subscribers, log),
    processes: logProcesses(context.store, context.processes, log),
    models: logModels(context, log),
  };
}

/** The name of an aggregate. Throws if the domain does not have exactly this one. */
export function nameOfAggregate({ aggregates }: DomainDefinition, aggregate: AnyAggregate): string {
  const name = handleName("an aggregate", aggregate);
  const definition = aggregates.get(name);
  if (definition && aggregate.definition === definition) return name;
  throw noAggregate(aggregates, name);
}

export function noAggregate(aggregates: DomainDefinition["aggregates"], name: string): DefinitionError {
  return new DefinitionError({
    message: `The domain of the server has no aggregate ${name} with this definition`,
    fix:
      "Pass an aggregate of the domain, and import the same handle in both places. " +
      `Its aggregates: ${[...aggregates.keys()].join(", ")}.`,
  });
}

type HistoryOptions = { readonly after?: number };
const HISTORY_OPTIONS: OptionNames<HistoryOptions> = { after: true };

/** The version after which a history begins. */
export function historyAfter(options: HistoryOptions): number {
  const { after = 0 } = requireCallOptions("The history cannot be read", "history", options, HISTORY_OPTIONS);
  if (isCount(after)) return after;
  throw invalid("The history cannot be read", `\`after\` is ${shown(after)}, which is not a version`);
}

function requirePlace(place: StreamPlace): StreamPlace {
  const { version, position }: { readonly version?: unknown; readonly position?: unknown } = requireObject(
    WHAT_STATE,
    place,
  );
  if (isCount(version) && position === undefined) return { version };
  if (isCount(position) && version === undefined) return { position };
  throw invalid(WHAT_STATE, "the place is not { version } or { position } with a whole number from 0");
}

/** Returns the client id of this server's own commits: one random UUID for each process. */
export function ownClient(env: Env): () => string {
  let client: string | null = null;
  // It is drawn late, because Workers draw nothing before the first request.
  return () => (client ??= uuidv7(env.now(), env.randomBytes(UUID_RANDOM_BYTES)));
}

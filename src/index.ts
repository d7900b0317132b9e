/**
 * The entry `dacapo`: the language of domain files, which the client and the sync server share.
 *
 * Guarantees: nothing here uses a clock, a network or a storage (test: `purity.test.ts`).
 *
 * Place: an app opens logs with `dacapo/client` and `dacapo/worker`, and a server with `dacapo/node` or
 * `dacapo/sync-server`.
 *
 * @module dacapo
 */
export { aggregate, type AggregateOptions } from "./core/domain/aggregate.ts";
export type {
  CommandContext,
  CommandOptions,
  ConflictContext,
  DraftOf,
  EventOf,
  Verdict,
} from "./core/domain/command-types.ts";
export type { CommandRequest, Rebase, Rejection, StreamRef } from "./core/domain/definition.ts";
export { defineDomain, type Domain, type DomainOptions } from "./core/domain/define-domain.ts";
export {
  ConcurrencyError,
  DacapoError,
  DefinitionError,
  PendingWorkError,
  ForbiddenError,
  LogClosedError,
  ProtocolError,
  RejectedError,
  StorageFullError,
  StorageLostError,
  UnauthorizedError,
  UnknownAggregateError,
  UnknownCommandError,
  ValidationError,
} from "./core/values/errors.ts";
export type { DacapoErrorCode, Retry } from "./core/values/error-codes.ts";
export type { ErrorFacts } from "./core/values/errors.ts";
export type { PlainError } from "./core/values/plain-error.ts";
export type { DomainEvent, Draft } from "./core/domain/event.ts";
export type {
  Aggregate,
  AnyAggregate,
  AnyProjection,
  Context,
  EventsOf,
  InputsOf,
  Projection,
  RowOf,
  StateOf,
  TypedStreamRef,
} from "./core/domain/handle-types.ts";
export type { Json, JsonInput } from "./core/values/json.ts";
export { projection, type ProjectionOptions } from "./core/domain/projection.ts";
export type { Schema } from "./core/domain/schema.ts";
export { veto } from "./core/domain/veto.ts";
export { event, type EventVersions, input, type InputVersions } from "./core/domain/upcast.ts";

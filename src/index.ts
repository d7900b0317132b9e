/**
 * The domain language: what an app needs to write the one file that both sides share.
 *
 * Holds: nothing here touches a clock, a network or a storage. Openers live in `dacapo/client`, `dacapo/worker` and `dacapo/node`.
 */
export { aggregate } from "./core/domain/aggregate.ts";
export type { CommandContext, ConflictContext, DraftOf, EventOf, Verdict } from "./core/domain/command-types.ts";
export type { CommandRequest, Rebase, Rejection, StreamRef } from "./core/domain/definition.ts";
export { defineDomain, type Domain } from "./core/domain/define-domain.ts";
export {
  ConcurrencyError,
  DacapoError,
  DefinitionError,
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
export type { Json } from "./core/values/json.ts";
export { projection } from "./core/domain/projection.ts";
export type { Schema } from "./core/domain/schema.ts";
export { event, type EventVersions, input, type InputVersions } from "./core/domain/upcast.ts";

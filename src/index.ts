/**
 * The domain language: what an app needs to write the one file that both sides share.
 *
 * Holds: nothing here touches a clock, a network or a storage. Openers live in `dacapo/client`, `dacapo/worker` and `dacapo/node`.
 */
export { aggregate } from "./core/aggregate.ts";
export type { CommandContext, ConflictContext, DraftOf, EventOf, Verdict } from "./core/command.ts";
export type { CommandRequest, Rebase, Rejection, StreamRef } from "./core/definition.ts";
export { defineDomain, type Domain } from "./core/domain.ts";
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
} from "./core/errors.ts";
export type { DomainEvent, Draft } from "./core/event.ts";
export type { Aggregate, AnyAggregate, AnyProjection, Context, EventsOf, InputsOf, Projection, RowOf, StateOf, TypedStreamRef } from "./core/handle.ts";
export type { Json } from "./core/json.ts";
export { projection } from "./core/projection.ts";
export type { Schema } from "./core/schema.ts";
export { event, type EventVersions, input, type InputVersions } from "./core/upcast.ts";

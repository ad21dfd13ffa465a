// What is public, as an explicit list. Nothing that is reachable from here imports pg.
export { type Connection, connect, type ConnectOptions } from './client/connect.js';
export { EventStoreClient } from './client/event-store-client.js';
export type {
  Appended,
  AppendOutcome,
  AppendRequest,
  Refused,
  StreamAppend,
  VersionConflict,
} from './core/append.js';
export {
  DeadlineExceededError,
  EventIdReusedError,
  type FieldViolation,
  HeadwaterError,
  InternalError,
  InvalidRequestError,
  LogEpochChangedError,
  type Outcome,
  OverloadedError,
  PolicyDeniedError,
  PositionUnknownError,
  type Reason,
  StoreUnavailableError,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from './core/errors.js';
export { DEFAULT_CONTENT_TYPE, type Event, type Microseconds, type NewEvent } from './core/event.js';
export type { CallOptions, EventStore } from './core/event-store.js';
export { type ExpectedVersion, expectedVersionHolds } from './core/expected-version.js';
export { type Filter, type Range, type Scope, WHOLE_LOG } from './core/filter.js';
export { DEFAULT_LIMITS, type Limits } from './core/limits.js';
export { eventsOf, type LoadPage, type LoadRequest } from './core/load.js';
export {
  type Metadata,
  metadataBigint,
  metadataBoolean,
  metadataJson,
  metadataNumber,
  metadataOf,
} from './core/metadata.js';
export type { Runtime } from './core/runtime.js';
export { type StreamId, streamKey, type StreamVersion } from './core/stream.js';
export type {
  LogPosition,
  SubscribeRequest,
  SubscribeStart,
  SubscriptionMessage,
  SubscriptionSignal,
} from './core/subscribe.js';
export { systemRuntime } from './system.js';
export type { ServiceInfo } from './wire/info.js';

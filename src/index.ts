// What is public, as an explicit list. Nothing that is reachable from here imports pg.
export type {
  AccessAdmin,
  AccessExplanation,
  ApiToken,
  AuditEntry,
  ExplainAccess,
  MadeToken,
  NewToken,
  ReadAuditRequest,
  RoleGrant,
  RoleList,
  RuleList,
  TokenList,
  WhoCan,
  WouldDo,
} from './auth/access-admin.js';
export type { AccessControl, Presented, PresentedCertificate } from './auth/access-control.js';
export { type AccessDecision, decideAccess, type Refusal } from './auth/access-decision.js';
export {
  ACTION_GROUPS,
  type AccessRule,
  type ActionGroup,
  type BindingResource,
} from './auth/access-rule.js';
export type { Caller } from './auth/caller.js';
export { type Action, ACTIONS, type Plan, type Resource } from './auth/plan.js';
export { type Policy, policy } from './auth/policy.js';
export type { PolicyDecision } from './auth/policy-decision.js';
export { ANONYMOUS, type Credential, type Principal, type RoleBinding } from './auth/principal.js';
export {
  type Connection,
  connect,
  type ConnectOptions,
  type NamespaceConnection,
} from './client/connect.js';
export type { ClientTls, TokenSource } from './client/credentials.js';
export { EventStoreClient } from './client/event-store-client.js';
export {
  type Aggregate,
  type AggregateCommand,
  type AggregateEvent,
  type CommandRules,
  type DataCodec,
  type DataCodecs,
  type DataInput,
  type DataOutput,
  type Decision,
  type DecisionGuards,
  type EventTypesOf,
  type SnapshotOptions,
  type Update,
} from './commands/aggregate.js';
export type { AggregateCacheOptions } from './commands/aggregate-cache.js';
export {
  AggregateManager,
  type AggregateManagerOptions,
  type AggregateView,
  type GetOptions,
  type Updated,
  type UpdateOptions,
} from './commands/aggregate-manager.js';
export type { At, ReadOptions } from './commands/aggregate-reader.js';
export { type Appliers, BaseAggregate } from './commands/base-aggregate.js';
export {
  CommandExecutor,
  type CommandExecutorOptions,
  type ExecuteOptions,
} from './commands/command-executor.js';
export {
  type CommandDecide,
  commandOf,
  type CommandParts,
  type CommandRegistration,
  CommandRegistry,
  type MiddlewareParts,
} from './commands/command-registry.js';
export { type CommandVerdict, commandVerdicts } from './commands/command-verdicts.js';
export type { DecideContext, Query } from './commands/decide-context.js';
export type { CommandTypeInfo, Decided, Decider, DecideRequest } from './commands/decider.js';
export {
  type AggregateDefinition,
  type CommandDefinition,
  defineAggregate,
} from './commands/define-aggregate.js';
export {
  type AggregateClass,
  type AggregateClassOptions,
  type CommandMethod,
  defineAggregateClass,
} from './commands/define-aggregate-class.js';
export { guardExistence, type Presence } from './commands/existence.js';
export {
  type AnyMiddleware,
  type CommandHandler,
  type CommandHandling,
  type CommandMiddleware,
  type EventHandler,
  type EventHandling,
  type EventMiddleware,
  type Handler,
  type Handling,
  type Middleware,
  useMiddleware,
} from './commands/middleware.js';
export { authorization, type AuthorizationOptions } from './commands/middleware/authorization.js';
export { idempotency, type IdempotencyOptions } from './commands/middleware/idempotency.js';
export { logging, type LoggingOptions } from './commands/middleware/logging.js';
export { type HandlingMetrics, metrics, type MetricsOptions } from './commands/middleware/metrics.js';
export { retry } from './commands/middleware/retry.js';
export { timeout, type TimeoutOptions } from './commands/middleware/timeout.js';
export { validation, type ValidationOptions } from './commands/middleware/validation.js';
export type { RetryOptions } from './commands/retrying.js';
export type {
  AppendCondition,
  Appended,
  AppendOutcome,
  AppendRequest,
  CommandEntry,
  ConditionItem,
  InterveningEvents,
  Refused,
  StreamAppend,
  VersionConflict,
} from './core/append.js';
export {
  AppendConditionFailedError,
  AppendRefusedError,
  CommandIdReusedError,
  CommandNotRegisteredError,
  CommandRejectedError,
  DeadlineExceededError,
  EventIdReusedError,
  type FieldViolation,
  HeadwaterError,
  InternalError,
  InvalidRequestError,
  LogEpochChangedError,
  NamespaceExistsError,
  NamespaceNotFoundError,
  type Outcome,
  OverloadedError,
  PolicyDeniedError,
  PositionNotReachedError,
  PositionUnknownError,
  type Reason,
  type RejectionCode,
  SnapshotNotFoundError,
  StoreUnavailableError,
  StreamDeletedError,
  StreamNotDeletedError,
  StreamNotFoundError,
  UnauthenticatedError,
  WrongExpectedVersionError,
} from './core/errors.js';
export {
  GroupExistsError,
  GroupNotFoundError,
  LeaseLostError,
  ProjectionConflictError,
  ProjectionNotFoundError,
  ProjectionSupersededError,
} from './core/follower-errors.js';
export { causedBy } from './core/caused-by.js';
export {
  type ConsumerGroup,
  type ConsumerGroups,
  type CreateGroupRequest,
  DEFAULT_GROUP_SETTINGS,
  type Delivery,
  type GroupList,
  type GroupMember,
  type GroupMembership,
  type GroupMessage,
  type GroupSettings,
  type GroupState,
  type JoinGroupRequest,
  type Nack,
  type NackAction,
  type PageRequest,
  type ParkedList,
  type ParkedStream,
  type ReplayParkedRequest,
  type UpdateGroupRequest,
} from './core/consumer-groups.js';
export type {
  Acquired,
  AcquireRequest,
  AggregateProgress,
  FailedAggregates,
  LoadProjectionRequest,
  Projection,
  ProjectionControl,
  ProjectionFailure,
  ProjectionGeneration,
  ProjectionKind,
  ProjectionLease,
  ProjectionLeases,
  ProjectionList,
  ProjectionOrders,
  ProjectionReport,
  Projections,
  ProjectionSave,
  ProjectionStatus,
  SavedProjection,
} from './core/projections.js';
export type { EventSelection } from './core/selection.js';
export type {
  Command,
  CommandBus,
  CommandData,
  Executed,
  Existence,
  LedgerCommand,
} from './core/command.js';
export { DEFAULT_CONTENT_TYPE, type Event, type Microseconds, type NewEvent } from './core/event.js';
export type { CallOptions, EventLog, EventStore } from './core/event-store.js';
export {
  aggregateType,
  anyEvent,
  EventMatcher,
  eventType,
  type MatchedEvent,
  matcher,
  matchesAny,
  selectionOf,
} from './core/event-matcher.js';
export type { EventTypeDefinition, RetiredEventType } from './core/event-type-definition.js';
export {
  type DecodedBy,
  type DecodedEvent,
  EventTypeRegistry,
  eventTypes,
  type EventTypesOptions,
  type PassedEvent,
  type PayloadType,
  type PayloadTypes,
  type TypedEvent,
} from './core/event-types.js';
export { type ExpectedVersion, expectedVersionHolds } from './core/expected-version.js';
export {
  type ComparisonOperator,
  type Filter,
  type MetadataComparison,
  type Range,
  type Scope,
  type StreamPattern,
  type ValueKind,
  WHOLE_LOG,
} from './core/filter.js';
export { json } from './core/json-codec.js';
export { DEFAULT_LIMITS, type Limits } from './core/limits.js';
export { eventsOf, type LoadPage, type LoadRequest } from './core/load.js';
export type { Epoch } from './core/log.js';
export type { LogFields, Logger } from './core/logger.js';
export type {
  HandleMessage,
  HandlerOptions,
  MessageBus,
  MessageContext,
  MessageFailure,
  RunningHandler,
  WorkerOptions,
} from './core/message-bus.js';
export {
  type Metadata,
  metadataBigint,
  metadataBoolean,
  metadataJson,
  metadataNumber,
  metadataOf,
} from './core/metadata.js';
export type { MiddlewareOptions } from './core/middleware-failures.js';
export { withMiddleware } from './core/middleware-store.js';
export type {
  DropNamespaceOptions,
  DroppedNamespace,
  ListNamespacesRequest,
  Namespace,
  NamespaceList,
  Namespaces,
} from './core/namespace.js';
export type { PayloadCodec } from './core/payload-codec.js';
export { PayloadError, SchemaVersionTooNewError, UnknownEventTypeError } from './core/payload-errors.js';
export { withData } from './core/received-data.js';
export type { Runtime } from './core/runtime.js';
export type {
  SchemaInput,
  SchemaIssue,
  SchemaOutput,
  SchemaResult,
  StandardSchema,
} from './core/standard-schema.js';
export type {
  AppendHandler,
  LoadHandler,
  NamespaceMiddleware,
  StoreMiddleware,
  SubscribeHandler,
} from './core/store-middleware.js';
export type { NewSnapshot, Snapshot } from './core/snapshot.js';
export type { SqlClient, SqlPool, SqlResult } from './core/sql-client.js';
export {
  type Retention,
  type StreamId,
  type StreamInfo,
  streamKey,
  type StreamVersion,
} from './core/stream.js';
export {
  type EraseEventsRequest,
  type SetRetentionRequest,
  type StreamChange,
  type StreamChanged,
  type StreamChangeRequest,
  StreamChanges,
  type TruncateStreamRequest,
} from './core/stream-changes.js';
export type {
  AggregateTypeInfo,
  AggregateTypeList,
  CountEventsRequest,
  EventCount,
  ListAggregateTypesRequest,
  ListStreamsRequest,
  LogInfo,
  StreamList,
} from './core/stream-list.js';
export type {
  LogPosition,
  SubscribeRequest,
  SubscribeStart,
  SubscriptionMessage,
  SubscriptionSignal,
} from './core/subscribe.js';
export {
  erasedVersions,
  isSystemEventType,
  type StreamChangeKind,
  type SystemEventType,
} from './core/system-events.js';
export {
  into,
  type Upcast,
  type Upcaster,
  type Upcasters,
  type UpcastEvent,
  type UpcastStep,
} from './core/upcasting.js';
export {
  consume,
  type Consumer,
  type ConsumeOptions,
  type ConsumeStats,
  type DeliveryContext,
  type HandleDelivery,
  type JoinedGroups,
} from './subscriptions/consume.js';
export { inTransaction, type InTransactionOptions } from './subscriptions/consume-in-transaction.js';
export {
  EventBus,
  type EventBusOptions,
  type EventHandlerOptions,
  type EventWorkerOptions,
} from './subscriptions/event-bus.js';
export {
  type AggregateProjector,
  type AggregateProjectorDefinition,
  type AggregateProjectorParts,
  defineAggregateProjector,
  type ProjectedAggregate,
} from './projections/aggregate-projector.js';
export type { EmitContext } from './projections/emit.js';
export type { EventDecoder, Fold, Folds } from './projections/folds.js';
export {
  InMemoryRepository,
  type InMemoryRepositoryOptions,
  type RepositoryChange,
} from './projections/in-memory-repository.js';
export {
  isLink,
  LINK_CONTENT_TYPE,
  LINK_EVENT_TYPE,
  type LinkTarget,
  linkTarget,
  resolveLinks,
} from './projections/links.js';
export {
  type NotificationContext,
  type NotificationMetrics,
  NotificationQueue,
  type NotificationQueueOptions,
} from './projections/notification-queue.js';
export {
  type RunnerParts,
  type RunnerStatus,
  type RunningProjection,
  runProjection,
  type GenerationStatus,
  type RunProjectionOptions,
} from './projections/projection-runner.js';
export {
  type Batch,
  type FailureDecision,
  type GenerationWork,
  HandlerError,
  type OnHandlerFailure,
  type ProjectionWork,
} from './projections/projection-work.js';
export {
  defineProjector,
  type ProjectedState,
  type Projector,
  type ProjectorDefinition,
  type StateOptions,
  stateOf,
} from './projections/projector.js';
export { emitting } from './projections/projector-emitting.js';
export type {
  ContextExtension,
  EventHandlers,
  ExtendedContext,
  HandlerContext,
  OpenExtension,
} from './projections/projector-handlers.js';
export { query, type QueryOptions } from './projections/query.js';
export {
  defineReadModel,
  type ReadModel,
  type ReadModelDefinition,
  type ReadModelOptions,
} from './projections/read-model-projector.js';
export {
  defineReactor,
  type NewDeadline,
  type Reaction,
  type Reactions,
  type Reactor,
  type ReactorContext,
  type ReactorDefinition,
} from './projections/reactor.js';
export type { ReactorParts } from './projections/reactor-generation.js';
export type { AllOptions, Entity, Repository } from './projections/repository.js';
export { SqlRepository, type SqlRepositoryOptions, type SqlSource } from './projections/sql-repository.js';
export type { ProjectionMetrics } from './projections/runner-metrics.js';
export type { GenerationState } from './projections/runner-states.js';
export { type Received, VersionGaps, type VersionGapsOptions } from './projections/version-gaps.js';
export { systemRuntime } from './system.js';
export type { ServiceInfo } from './wire/info.js';
export { protobuf, type ProtobufOptions } from './wire/protobuf-codec.js';

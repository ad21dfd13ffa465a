// What is public of the relay: `import … from "headwater/relay"`. The brokers' packages are loaded when they are used.
export { BrokerBus, type BrokerBusOptions } from './broker-bus.js';
export { CLOUD_EVENT_TYPE, type CloudEventContext, fromCloudEvent, toCloudEvent } from './cloud-event.js';
export {
  decodeEvent,
  type EncodedEvent,
  encodeEvent,
  PROTOBUF_EVENT_TYPE,
  type RelayEncoding,
} from './encoding.js';
export { NatsBus, type NatsBusOptions } from './nats-bus.js';
export type { NatsAddress } from './nats-connection.js';
export { natsPublisher, type NatsPublisherOptions } from './nats-publisher.js';
export type { EventPublisher, PublishedFrom, PublisherOptions } from './publisher.js';
export { RabbitBus, type RabbitBusOptions } from './rabbit-bus.js';
export type { RabbitMqAddress } from './rabbitmq-connection.js';
export { rabbitMqPublisher, type RabbitMqPublisherOptions } from './rabbitmq-publisher.js';
export {
  MissedEventsError,
  MissingPackageError,
  PublishError,
  UndecodableMessageError,
} from './relay-error.js';
export { relay, type RelayOptions, type RelayProgress, retryForEver } from './relay.js';
export { topicName, topicOf, topicPatterns } from './topic.js';

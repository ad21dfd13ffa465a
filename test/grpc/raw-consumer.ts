import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { Client, Metadata, ServiceError } from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';
import {
  type AckResult,
  ConsumerGroupService,
  ConsumeRequestSchema,
  type ConsumeResponse,
  type Delivery,
  type JoinGroupSchema,
} from '../../gen/headwater/v1/consumer_group_service_pb.js';
import type { HeadwaterError } from '../../src/core/errors.js';
import { oneMessageAhead } from '../../src/wire/one-message-ahead.js';
import { bidi, statusOf, until } from './service.js';

type Said = NonNullable<MessageInitShape<typeof ConsumeRequestSchema>['message']>;

/** A consumer that is nothing but a grpc-js call. */
export interface RawConsumer {
  readonly call: { cancel(): void; end(): void; pause(): unknown; resume(): unknown };
  readonly messages: ConsumeResponse[];
  readonly deliveries: Delivery[];
  readonly results: AckResult[];
  readonly ended: Promise<{ readonly code: number; readonly error: HeadwaterError }>;
  readonly say: (message?: Said) => void;
  /** Positions of all that was delivered. */
  positions(): bigint[];
  told(kind: ConsumeResponse['message']['case']): boolean;
}

export function openConsumer(
  client: Client,
  onDelivery: (delivery: Delivery, consumer: RawConsumer) => void = () => undefined,
  metadata?: Metadata,
): RawConsumer {
  const call = oneMessageAhead(bidi(client, ConsumerGroupService.method.consume, metadata));
  const consumer: RawConsumer = {
    call,
    messages: [],
    deliveries: [],
    results: [],
    ended: new Promise((resolve) => {
      call.on('status', (status) => resolve(statusOf(status as unknown as ServiceError)));
    }),
    say: (message) => call.write(create(ConsumeRequestSchema, message === undefined ? {} : { message })),
    positions: () => consumer.deliveries.flatMap(({ events }) => events.map(({ position }) => position)),
    told: (kind) => consumer.messages.some(({ message }) => message.case === kind),
  };
  call.on('data', (response: ConsumeResponse) => {
    consumer.messages.push(response);
    const { message } = response;
    if (message.case === 'result') consumer.results.push(message.value);
    if (message.case !== 'deliver') return;
    for (const delivery of message.value.deliveries) {
      consumer.deliveries.push(delivery);
      onDelivery(delivery, consumer);
    }
  });
  onTestFinished(() => call.cancel());
  return consumer;
}

/** A consumer that is a member. */
export async function startConsumer(
  client: Client,
  join: MessageInitShape<typeof JoinGroupSchema>,
  onDelivery?: (delivery: Delivery, consumer: RawConsumer) => void,
): Promise<RawConsumer> {
  const consumer = openConsumer(client, onDelivery);
  consumer.say({ case: 'join', value: join });
  await until(() => consumer.told('joined'), 'the join', 15_000);
  return consumer;
}

/** Acks all, and wants no result. */
export function ackAll(delivery: Delivery, consumer: RawConsumer): void {
  const positions = delivery.events.map(({ position }) => position);
  consumer.say({ case: 'ack', value: { positions } });
}

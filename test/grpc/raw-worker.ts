import type { MessageInitShape } from '@bufbuild/protobuf';
import { create } from '@bufbuild/protobuf';
import { type Client, Metadata, type ServiceError } from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';
import {
  type AcceptedSchema,
  CommandService,
  type Decide,
  type DecisionSchema,
  HandleRequestSchema,
  type HandleResponse,
  type RegisterWorkerSchema,
} from '../../gen/headwater/v1/command_service_pb.js';
import { bidi, statusOf, until } from './service.js';

type Outcome = NonNullable<MessageInitShape<typeof DecisionSchema>['outcome']>;
type Accepted = MessageInitShape<typeof AcceptedSchema>;

/** A worker that is nothing but a grpc-js call. */
export interface RawWorker {
  readonly call: { cancel(): void };
  /** All Decides, as they came. */
  readonly asked: Decide[];
  readonly messages: HandleResponse[];
  readonly ended: Promise<{ code: number; error: Error }>;
  readonly say: (message: MessageInitShape<typeof HandleRequestSchema>) => void;
  readonly decide: (correlation: bigint, outcome: Outcome) => void;
}

export const OPEN = { commandType: 'Open', aggregateType: 'Account' } as const;
export const DEPOSIT = { commandType: 'Deposit', aggregateType: 'Account' } as const;

/** Accepts with one event. */
export function accepted(eventType = 'Deposited', more: Accepted = {}): Outcome {
  return {
    case: 'accepted',
    value: { events: [{ eventType, data: Buffer.from('{}') }], ...more },
  } as Outcome;
}

export function openWorker(
  client: Client,
  onDecide: (decide: Decide, worker: RawWorker) => void = () => undefined,
  metadata?: Metadata,
): RawWorker {
  const call = bidi(client, CommandService.method.handle, metadata);
  let end: (status: { code: number; error: Error }) => void = () => undefined;
  const worker: RawWorker = {
    call,
    asked: [],
    messages: [],
    ended: new Promise((resolve) => {
      end = resolve;
    }),
    say: (message) => call.write(create(HandleRequestSchema, message)),
    decide: (correlation, outcome) =>
      worker.say({ message: { case: 'decision', value: { correlation, outcome } } }),
  };
  call.on('data', (message: HandleResponse) => {
    worker.messages.push(message);
    if (message.message.case !== 'decide') return;
    worker.asked.push(message.message.value);
    onDecide(message.message.value, worker);
  });
  call.on('status', (status) => end(statusOf(status as unknown as ServiceError)));
  onTestFinished(() => call.cancel());
  return worker;
}

/** A worker that is registered. */
export async function startWorker(
  client: Client,
  register: MessageInitShape<typeof RegisterWorkerSchema>,
  onDecide?: (decide: Decide, worker: RawWorker) => void,
  metadata?: Metadata,
): Promise<RawWorker> {
  const worker = openWorker(client, onDecide, metadata);
  worker.say({ message: { case: 'register', value: register } });
  await until(() => worker.messages.length > 0, 'the registration');
  return worker;
}

/** Decides all with the same outcome, when the last of its events is there. */
export function always(outcome: Outcome) {
  return ({ correlation, more }: Decide, worker: RawWorker) => {
    if (!more) worker.decide(correlation, outcome);
  };
}

export function jsonCommand(commandType: string, aggregateId = '', more: object = {}) {
  return {
    commandType,
    aggregateId,
    data: { case: 'json' as const, value: Buffer.from('{}') },
    ...more,
  };
}

export function principal(json: string): Metadata {
  const metadata = new Metadata();
  metadata.set('headwater-principal', json);
  return metadata;
}

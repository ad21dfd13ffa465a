import type { MessageShape } from '@bufbuild/protobuf';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { AggregateService } from '../../gen/headwater/v1/aggregate_service_pb.js';
import { CommandService, type ExecuteRequestSchema } from '../../gen/headwater/v1/command_service_pb.js';
import { CommandIdReusedError, CommandRejectedError, HeadwaterError } from '../../src/core/errors.js';
import { fromWireAggregateView, toWireGetAggregateRequest } from '../../src/wire/aggregate.js';
import { fromWireExecuted, toWireCommand } from '../../src/wire/command.js';
import { fromStatusDetails, STATUS_DETAILS_KEY } from '../../src/wire/status-details.js';
import { serverStream, unary } from '../grpc/service.js';
import type { CommandAnswer, SentCommand, ServedAccount } from './command-history.js';
import { type Account, evolve, UNOPENED } from './command-model.js';
import type { Random } from './random.js';

const CONNECTIONS = 2;
/** Three workers may be asked, one after the other … */
const DEADLINE_MS = 20_000;
/** … but some callers do not wait for that. */
const SHORT_DEADLINE_MS = 1500;
const SHORT_DEADLINES = 0.05;
/** What stands for good, unless something happens to the account. */
const REFUSALS = new Set(['COMMAND_REJECTED', 'STREAM_NOT_FOUND', 'WRONG_EXPECTED_VERSION']);

export const ACCOUNT = 'Account';

/** A service as plain stubs see it: a call is a call, nothing is tried again. */
export class CommandClient {
  readonly name: string;
  readonly #clients: readonly Client[];

  constructor(name: string, address: string) {
    this.name = name;
    this.#clients = Array.from(
      { length: CONNECTIONS },
      () =>
        new Client(address, credentials.createInsecure(), {
          'grpc.use_local_subchannel_pool': 1,
          'grpc.initial_reconnect_backoff_ms': 100,
          'grpc.max_reconnect_backoff_ms': 300,
        }),
    );
  }

  async execute(sent: SentCommand, random: Random): Promise<CommandAnswer> {
    try {
      const { execute } = CommandService.method;
      const client = random.of(this.#clients);
      const deadlineMs = random.chance(SHORT_DEADLINES) ? SHORT_DEADLINE_MS : DEADLINE_MS;
      return executed(await unary(client, execute, requestOf(sent), { deadlineMs }));
    } catch (error) {
      return failed(errorOf(error), sent);
    }
  }

  /** Folds what AggregateService gives: the newest snapshot and the events behind it. */
  async account(aggregateId: string): Promise<ServedAccount> {
    const [client] = this.#clients;
    if (client === undefined) throw new RangeError('There is no connection');
    const request = toWireGetAggregateRequest({ aggregate: { aggregateType: ACCOUNT, aggregateId } });
    let version = 0n;
    let state: Account = UNOPENED;
    for await (const message of serverStream(client, AggregateService.method.getAggregate, request)) {
      const { events, info, snapshot } = fromWireAggregateView(
        message as MessageShape<typeof AggregateService.method.getAggregate.output>,
      );
      if (info) version = info.version;
      if (snapshot) state = { opened: true, balance: dataOf(snapshot.data).balance ?? Number.NaN };
      for (const { data, eventType } of events)
        state = evolve(state, { eventType, amount: dataOf(data).amount ?? 0 });
    }
    return { version: Number(version), balance: state.balance };
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

/** What events and snapshots of accounts hold. */
export function dataOf(data: Uint8Array): { commandId?: string; amount?: number; balance?: number } {
  return JSON.parse(Buffer.from(data).toString()) as {
    commandId?: string;
    amount?: number;
    balance?: number;
  };
}

function requestOf({
  account,
  amount,
  commandId,
  commandType,
}: SentCommand): MessageShape<typeof ExecuteRequestSchema> {
  return toWireCommand({
    commandId,
    commandType,
    ...(account === undefined ? {} : { aggregateId: account }),
    data: { kind: 'JSON', bytes: Buffer.from(JSON.stringify({ amount })) },
  });
}

function executed(answer: MessageShape<typeof CommandService.method.execute.output>): CommandAnswer {
  const { aggregate, deduplicated, eventIds, position, version } = fromWireExecuted(answer);
  return {
    kind: 'EXECUTED',
    account: aggregate.aggregateId,
    version: Number(version),
    position: Number(position),
    eventIds,
    deduplicated,
  };
}

function errorOf(error: unknown): HeadwaterError {
  const { code, details, metadata } = error as ServiceError;
  if (typeof code !== 'number') throw error;
  const [bytes] = metadata.get(STATUS_DETAILS_KEY);
  return fromStatusDetails({ code, message: details }, Buffer.isBuffer(bytes) ? bytes : undefined);
}

function failed(error: HeadwaterError, { commandType }: SentCommand): CommandAnswer {
  if (error instanceof CommandIdReusedError) return { kind: 'REUSED' };
  // That the version was another each time it was decided says nothing about the command; to open what is there does.
  if (error.reason === 'WRONG_EXPECTED_VERSION' && commandType !== 'Open')
    return { kind: 'NOT_APPLIED', reason: 'CONFLICT' };
  if (REFUSALS.has(error.reason))
    return {
      kind: 'REFUSED',
      reason: error instanceof CommandRejectedError ? error.domainReason : error.reason,
    };
  return { kind: error.outcome ?? 'UNKNOWN', reason: error.reason };
}

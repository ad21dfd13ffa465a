import { Client, credentials, Metadata } from '@grpc/grpc-js';
import {
  CommandService,
  type HandleRequest,
  HandleRequestSchema,
  type HandleResponse,
  HandleResponseSchema,
} from '../gen/headwater/v1/command_service_pb.js';
import { deserializer, methodPath, serializer } from '../src/wire/method.js';
import { type DecidePage, fromWireToWorker, type FromWorker, toWireFromWorker } from '../src/wire/worker.js';
import { type Balance, type Movement, WORKER_COMMANDS } from './command-domain.js';
import { serveChild } from './serve-child.js';

// A worker that keeps the states of its accounts, so that it is sent only what it has not seen.

interface Kept extends Balance {
  readonly version: bigint;
}

const { address } = JSON.parse(process.argv[2] ?? '{}') as { readonly address: string };
const client = new Client(address, credentials.createInsecure());
const call = client.makeBidiStreamRequest<HandleRequest, HandleResponse>(
  methodPath(CommandService.method.handle),
  serializer(HandleRequestSchema),
  deserializer(HandleResponseSchema),
  new Metadata(),
);
const say = (message: FromWorker) => call.write(toWireFromWorker(message));
const accounts = new Map<string, Kept>();
const underWay = new Map<bigint, { readonly account: string; readonly data: Uint8Array; state: Kept }>();

call.on('data', (response: HandleResponse) => {
  const message = fromWireToWorker(response);
  if (message?.kind === 'REGISTERED') serveChild(address, async () => client.close());
  else if (message?.kind === 'DECIDE') take(message.page);
  else if (message?.kind === 'CANCEL') underWay.delete(message.correlation);
});
// The service goes first, or it is asked to stop.
call.on('error', () => undefined);
say({
  kind: 'REGISTER',
  registration: { name: 'bench', commands: WORKER_COMMANDS, maxInFlight: 1000, keepsState: true },
});

function take(page: DecidePage): void {
  const { afterVersion, aggregate, command, correlation, events, more, snapshot, version } = page;
  if (command && aggregate) {
    const account = aggregate.aggregateId;
    const kept = afterVersion > 0n ? accounts.get(account) : undefined;
    if (afterVersion > 0n && kept?.version !== afterVersion)
      return void say({ kind: 'DECISION', correlation, outcome: { kind: 'NEEDS_EVENTS' } });
    const { balance } = kept ?? (snapshot ? parsed<Balance>(snapshot.data) : { balance: 0 });
    underWay.set(correlation, { account, data: command.data.bytes, state: { balance, version } });
  }
  const asked = underWay.get(correlation);
  if (asked === undefined) return;
  let { balance } = asked.state;
  for (const { data, eventType } of events) {
    const { amount } = parsed<Movement>(data);
    balance += eventType === 'MoneyDeposited' ? amount : -amount;
  }
  asked.state = { balance, version };
  if (more) return;
  underWay.delete(correlation);
  accounts.set(asked.account, asked.state);
  // Read and written, as a domain would.
  const data = Buffer.from(JSON.stringify(parsed<Movement>(asked.data)));
  const event = { eventType: 'MoneyDeposited', data, contentType: 'application/json' };
  say({ kind: 'DECISION', correlation, outcome: { kind: 'ACCEPTED', events: [event] } });
}

function parsed<T>(data: Uint8Array): T {
  return JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString()) as T;
}

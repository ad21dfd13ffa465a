// A worker that decides the commands of accounts, with nothing but grpc-js and the generated messages: what the TypeScript
// client may do wrong it does not. Its domain is written anew, so that the checker's is not believed blindly. Plain
// JavaScript, since it runs as a process of its own; takes what is built.
//
//   node command-worker.js '{"name":"worker 1","addresses":["127.0.0.1:1"],"keepsState":true}'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import {
  Existence,
  HandleRequestSchema,
  HandleResponseSchema,
} from '../../dist/gen/headwater/v1/command_service_pb.js';

const { name, addresses, keepsState } = JSON.parse(process.argv[2]);

const JSON_TYPE = 'application/json';
const SNAPSHOT_EVERY = 20n;
const RECONNECT_MS = 100;
const HANDLE = '/headwater.v1.CommandService/Handle';

const aggregateType = 'Account';
const COMMANDS = [
  { commandType: 'Open', aggregateType, existence: Existence.MUST_NOT_EXIST },
  ...['Deposit', 'Withdraw', 'Split', 'Touch'].map((commandType) => ({
    commandType,
    aggregateType,
    existence: Existence.MUST_EXIST,
  })),
];

const text = (bytes) => JSON.parse(Buffer.from(bytes).toString());
const bytes = (value) => Buffer.from(JSON.stringify(value));

function decide(balance, commandId, commandType, { amount }) {
  const event = (eventType, part) => ({
    eventType,
    data: bytes({ commandId, ...(part === undefined ? {} : { amount: part }) }),
    contentType: JSON_TYPE,
  });
  switch (commandType) {
    case 'Open':
      return [event('Opened')];
    case 'Deposit':
      return [event('Deposited', amount)];
    case 'Split':
      return [event('Deposited', amount), event('Deposited', 1), event('Withdrawn', 1)];
    case 'Withdraw':
      return amount > balance ? undefined : [event('Withdrawn', amount)];
    case 'Touch':
      return [];
    default:
      throw new Error(`${commandType} is not decided here`);
  }
}

function folded(balance, { eventType, data }) {
  const { amount = 0 } = text(data);
  return balance + (eventType === 'Deposited' ? amount : eventType === 'Withdrawn' ? -amount : 0);
}

function outcomeOf(ask) {
  const { command } = ask;
  const events = decide(ask.balance, command.commandId, command.commandType, text(command.data.value));
  if (events === undefined)
    return {
      case: 'rejected',
      value: { reason: 'INSUFFICIENT_FUNDS', metadata: { balance: String(ask.balance) } },
    };
  const version = ask.version + BigInt(events.length);
  const due = version / SNAPSHOT_EVERY > ask.version / SNAPSHOT_EVERY;
  const balance = events.reduce(folded, ask.balance);
  const snapshot = { version, data: bytes({ balance }), contentType: JSON_TYPE, schemaVersion: 1 };
  return { case: 'accepted', value: { events, ...(due ? { snapshot } : {}) } };
}

/** One connection to one service, for as long as it lasts. */
function serve(address, registered) {
  const client = new Client(address, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 300,
  });
  const call = client.makeBidiStreamRequest(
    HANDLE,
    (message) => Buffer.from(toBinary(HandleRequestSchema, message)),
    (message) => fromBinary(HandleResponseSchema, message),
    new Metadata(),
  );
  // What this service has sent of which account, and what is under way.
  const states = new Map();
  const asked = new Map();
  const say = (message) => call.write(create(HandleRequestSchema, { message }));
  const answer = (correlation, outcome) => say({ case: 'decision', value: { correlation, outcome } });

  const begun = ({ afterVersion, aggregate, command, correlation, snapshot }) => {
    const { aggregateId } = aggregate;
    const kept = afterVersion > 0n ? states.get(aggregateId) : undefined;
    if (afterVersion > 0n && kept?.version !== afterVersion) {
      asked.delete(correlation);
      answer(correlation, { case: 'needsEvents', value: {} });
      return;
    }
    const { balance } = kept ?? (snapshot ? text(snapshot.data) : { balance: 0 });
    asked.set(correlation, { command, aggregateId, balance, version: 0n });
  };
  const page = (decided) => {
    const { correlation, events, more, version } = decided;
    if (decided.command) begun(decided);
    const ask = asked.get(correlation);
    // Cancelled, or not wanted.
    if (ask === undefined) return;
    for (const event of events) ask.balance = folded(ask.balance, event);
    ask.version = version;
    if (more) return;
    asked.delete(correlation);
    if (keepsState && version > 0n) states.set(ask.aggregateId, { version, balance: ask.balance });
    answer(correlation, outcomeOf(ask));
  };

  call.on('data', ({ message }) => {
    if (message.case === 'registered') registered();
    else if (message.case === 'decide') page(message.value);
    else if (message.case === 'cancel') asked.delete(message.value.correlation);
    else if (message.case === 'draining') say({ case: 'draining', value: {} });
  });
  call.on('end', () => call.end());
  call.on('error', () => undefined);
  call.on('status', () => {
    client.close();
    setTimeout(() => serve(address, registered), RECONNECT_MS);
  });
  const register = { name, commands: COMMANDS, maxInFlight: 32, keepsState };
  say({ case: 'register', value: register });
}

let missing = addresses.length;
for (const address of addresses)
  serve(address, () => {
    missing -= 1;
    if (missing === 0) process.send?.('READY');
  });
// It never outlives who started it.
process.on('disconnect', () => process.exit());

import { Command, InvalidArgumentError, Option } from 'commander';
import { environment } from '../config.js';
import { silentLogger } from '../core/logger.js';
import type { SubscribeStart } from '../core/subscribe.js';
import { runProjection } from '../projections/projection-runner.js';
import type { RelayEncoding } from '../relay/encoding.js';
import type { EventPublisher, PublisherOptions } from '../relay/publisher.js';
import { relay, retryForEver } from '../relay/relay.js';
import { DEFAULT_PREFIX, prefixProblem } from '../relay/topic.js';
import { systemRuntime } from '../system.js';
import { withoutPassword } from '../without-password.js';
import {
  addConnectionOptions,
  type ConnectionFlags,
  InterruptedError,
  withConnection,
} from './connection-options.js';
import { UsageError } from './exit-codes.js';
import { logPositionFrom } from './position.js';
import {
  addSelectionOptions,
  filtersFrom,
  scopeFrom,
  SELECTION_HELP,
  type SelectionFlags,
} from './selection-options.js';
import { timeFrom } from './time.js';

/** What both brokers are told alike. */
export interface RelayFlags extends ConnectionFlags, SelectionFlags {
  readonly url?: string;
  readonly prefix: string;
  readonly name: string;
  readonly encoding: RelayEncoding;
  readonly from: string;
  readonly inFlight: number;
}

const REPORT_EVERY_MS = 1_000;

export function addRelayOptions(
  command: Command,
  broker: { readonly kind: 'rabbitmq' | 'nats'; readonly variable: string },
): Command {
  command
    .option(
      '--url <url>',
      `where the broker is (or ${broker.variable}, which keeps a password out of the list of processes)`,
    )
    .option(
      '--prefix <words>',
      'in front of every topic: <prefix>.<AggregateType>.<EventType>',
      prefix,
      DEFAULT_PREFIX,
    )
    .option('--name <name>', 'the projection that keeps how far it has come', `relay-${broker.kind}`)
    .addOption(
      new Option('--encoding <encoding>', 'CloudEvents 1.0 as JSON, or the bytes of headwater.v1.Event')
        .choices(['cloudevents', 'protobuf'])
        .default('cloudevents'),
    )
    .option(
      '--from <where>',
      'where one that has never run begins: start, end, a position[@epoch], or a time (ISO 8601, or 15m, 2h, 7d ago)',
      'start',
    )
    .option('--in-flight <n>', 'events that are sent and not confirmed, 1 to 10000', inFlight, 256);
  return addConnectionOptions(addSelectionOptions(command)).addHelpText('after', SELECTION_HELP);
}

/** The broker's URL by flag or environment. Throws `UsageError`, which never shows it. */
export function brokerUrl(
  flags: Pick<RelayFlags, 'url'>,
  variable: string,
  schemes: readonly string[],
): string {
  const url = flags.url ?? environment()[variable];
  if (!url) throw new UsageError(`Say where the broker is: --url, or ${variable}`);
  const scheme = /^([a-z]+):\/\/./.exec(url)?.[1] ?? '';
  if (!schemes.includes(scheme))
    throw new UsageError(
      `The broker's URL must begin with ${schemes.map((one) => `${one}://`).join(' or ')}`,
    );
  if (!URL.canParse(url))
    throw new UsageError("The broker's URL is none: write scheme://user:password@host:port");
  return url;
}

/** Runs until it is told to stop; then what is under way is finished, and its position kept. */
export async function runRelay(
  flags: RelayFlags,
  url: string,
  makePublisher: (
    options: Required<Pick<PublisherOptions, 'prefix' | 'encoding' | 'source' | 'inFlight'>>,
  ) => EventPublisher,
): Promise<void> {
  const scope = scopeFrom(flags);
  const selection = { ...(scope ? { scope } : {}), filters: filtersFrom(flags, systemRuntime) };
  const start = startFrom(flags.from);
  await withConnection(flags, async ({ eventStore, projections, info }, signal) => {
    const { namespace } = await info({ signal });
    const { prefix: words, encoding, name } = flags;
    const publisher = makePublisher({
      prefix: words,
      encoding,
      source: `/headwater/${namespace}`,
      inFlight: flags.inFlight,
    });
    const progress = new Progress();
    const work = relay({
      name,
      publisher,
      leases: projections,
      selection,
      start,
      onProgress: (done) => progress.add(done.events, done.position.position),
    });
    const running = runProjection({ eventStore, projections, runtime: systemRuntime }, work, {
      // It tells of trouble itself.
      logger: silentLogger,
      onFailure: retryForEver(systemRuntime),
    });
    tell(`relay ${name} from /headwater/${namespace} to ${withoutPassword(url)}, as ${encoding}`);
    const telling = setInterval(() => {
      const status = running.status();
      const failure = status.generations.find((one) => one.failure)?.failure;
      progress.tell(failure?.error ?? status.trouble, status.state);
    }, REPORT_EVERY_MS);
    const stopping = () => void running.stop();
    signal.addEventListener('abort', stopping);
    if (signal.aborted) stopping();
    try {
      const { failure } = await running.ended;
      if (failure) throw failure;
      // Whoever supervises it asks for an orderly end with SIGTERM, and has it.
      if (signal.reason instanceof InterruptedError && signal.reason.by === 'SIGTERM') return;
      signal.throwIfAborted();
      tell('the projection was deleted');
    } finally {
      clearInterval(telling);
      signal.removeEventListener('abort', stopping);
      progress.tell(undefined, 'ENDED');
      await publisher.close();
    }
  });
}

/** Tells what has changed, at most once a second. */
class Progress {
  #events = 0;
  #position = 0n;
  #told = '';

  add(events: number, position: bigint): void {
    this.#events += events;
    this.#position = position;
  }

  tell(trouble: string | undefined, state: string): void {
    const where = `${this.#events} events confirmed, position ${this.#position}`;
    const text =
      trouble !== undefined
        ? `${where}, trying again: ${trouble}`
        : state === 'STANDBY'
          ? 'standing by: another one runs'
          : where;
    if (text !== this.#told && (this.#position > 0n || trouble !== undefined || state === 'STANDBY'))
      tell(text);
    this.#told = text;
  }
}

function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

function startFrom(value: string): SubscribeStart {
  if (value === 'start') return { kind: 'BEGINNING' };
  if (value === 'end') return { kind: 'END' };
  if (/^\d+(@\d+)?$/.test(value)) return { kind: 'AFTER', after: logPositionFrom(value, '--from') };
  return { kind: 'TIME', time: timeFrom(value, systemRuntime.now()) };
}

function prefix(value: string): string {
  const problem = prefixProblem(value);
  if (problem !== undefined) throw new InvalidArgumentError(`It ${problem}.`);
  return value;
}

function inFlight(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < 1 || number > 10_000)
    throw new InvalidArgumentError('It must be a whole number from 1 to 10000.');
  return number;
}

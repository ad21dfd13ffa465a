import { Command } from 'commander';
import { natsPackages } from '../relay/nats-connection.js';
import { DEFAULT_STREAM, natsPublisher } from '../relay/nats-publisher.js';
import { addRelayOptions, brokerUrl, type RelayFlags, runRelay } from './relay-options.js';

const VARIABLE = 'HEADWATER_NATS_URL';

/** `headwater relay nats`: publishes the log to a JetStream stream. */
export function relayNatsCommand(): Command {
  const command = new Command('nats')
    .description('publish the log to a JetStream stream of NATS')
    .option('--jetstream <name>', 'the JetStream stream, made if it is missing', DEFAULT_STREAM);
  return addRelayOptions(command, { kind: 'nats', variable: VARIABLE })
    .addHelpText(
      'after',
      `
The subject is <prefix>.<AggregateType>.<EventType>, the message id the event's, so that the server drops what comes twice
within its duplicate window. Ctrl-C or SIGTERM finishes what is under way; another relay of the same name stands by.

Examples:
  headwater relay nats --url nats://127.0.0.1:4222
  HEADWATER_NATS_URL=tls://… headwater relay nats --jetstream bank --aggregate-type Account --from end`,
    )
    .action(async (flags: RelayFlags & { readonly jetstream: string }) => {
      const url = brokerUrl(flags, VARIABLE, ['nats', 'tls']);
      const { jetstream: stream } = flags;
      // They would be tried again for ever otherwise, like a broker that is away.
      await natsPackages();
      await runRelay(flags, url, (options) => natsPublisher({ ...options, url, stream }));
    });
}

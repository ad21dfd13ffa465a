import { Command } from 'commander';
import { DEFAULT_EXCHANGE, rabbitMqPublisher } from '../relay/rabbitmq-publisher.js';
import { amqplib } from '../relay/rabbitmq-connection.js';
import { addRelayOptions, brokerUrl, type RelayFlags, runRelay } from './relay-options.js';

const VARIABLE = 'HEADWATER_RABBITMQ_URL';

/** `headwater relay rabbitmq`: publishes the log to a topic exchange. */
export function relayRabbitMqCommand(): Command {
  const command = new Command('rabbitmq')
    .description('publish the log to a topic exchange of RabbitMQ')
    .option('--exchange <name>', 'the exchange, declared as durable', DEFAULT_EXCHANGE);
  return addRelayOptions(command, { kind: 'rabbitmq', variable: VARIABLE })
    .addHelpText(
      'after',
      `
The routing key is <prefix>.<AggregateType>.<EventType>, the message id the event's. Bind queues first: what no queue is bound
for is confirmed and gone. Ctrl-C or SIGTERM finishes what is under way; another relay of the same name stands by.

Examples:
  headwater relay rabbitmq --url amqp://guest:guest@127.0.0.1:5672
  HEADWATER_RABBITMQ_URL=amqps://… headwater relay rabbitmq --exchange bank --aggregate-type Account --from end`,
    )
    .action(async (flags: RelayFlags & { readonly exchange: string }) => {
      const url = brokerUrl(flags, VARIABLE, ['amqp', 'amqps']);
      const { exchange } = flags;
      // It would be tried again for ever otherwise, like a broker that is away.
      await amqplib();
      await runRelay(flags, url, (options) => rabbitMqPublisher({ ...options, url, exchange }));
    });
}

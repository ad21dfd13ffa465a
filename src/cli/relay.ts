import { Command } from 'commander';
import { relayNatsCommand } from './relay-nats.js';
import { relayRabbitMqCommand } from './relay-rabbitmq.js';

/** `headwater relay`: hands the log on to a broker. */
export function relayCommand(): Command {
  return new Command('relay')
    .description('publish the log to a broker, and go on doing so')
    .addCommand(relayRabbitMqCommand())
    .addCommand(relayNatsCommand());
}

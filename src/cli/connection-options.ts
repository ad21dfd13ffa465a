import { type Command, InvalidArgumentError } from 'commander';
import { type Connection, connect } from '../client/connect.js';
import { environment } from '../config.js';

export const DEFAULT_ADDRESS = '127.0.0.1:50051';

/** Where the service is. */
export interface ConnectionFlags {
  readonly address: string;
}

export function addConnectionOptions(command: Command): Command {
  return command.option(
    '-a, --address <host:port>',
    'the service (or HEADWATER_ADDRESS)',
    address,
    environment()['HEADWATER_ADDRESS'] || DEFAULT_ADDRESS,
  );
}

/** For commander: `host:port`, without a scheme. */
export function address(value: string): string {
  if (!/^(\[[0-9a-fA-F:.]+\]|[^\s/:[\]]+):\d{1,5}$/.test(value))
    throw new InvalidArgumentError('Write host:port, for example 127.0.0.1:50051, without http://.');
  return value;
}

/** Runs `work` with a connection, and closes it. Ctrl-C aborts the signal; a second one ends the process. */
export async function withConnection<T>(
  flags: ConnectionFlags,
  work: (connection: Connection, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const connection = connect({ address: flags.address });
  const interrupt = new AbortController();
  const onSignal = () => {
    if (interrupt.signal.aborted) process.exit(130);
    interrupt.abort(new InterruptedError());
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    return await work(connection, interrupt.signal);
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
    connection.close();
  }
}

/** Ctrl-C or SIGTERM. */
export class InterruptedError extends Error {
  constructor() {
    super('Interrupted');
    this.name = 'InterruptedError';
  }
}

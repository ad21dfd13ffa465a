import { type Command, InvalidArgumentError } from 'commander';
import { type Connection, connect, type ConnectOptions } from '../client/connect.js';
import { environment } from '../config.js';
import { namespaceProblem } from '../core/namespace.js';
import { addCredentialOptions, type CredentialFlags, credentialsFrom } from './credential-options.js';
import { UsageError } from './exit-codes.js';
import type { User } from './principal-options.js';

export const DEFAULT_ADDRESS = '127.0.0.1:50051';

/** Where the service is, and who calls. */
export interface AddressFlags extends CredentialFlags {
  readonly address: string;
}

/** Where the service is, and which of its logs a command is about. */
export interface ConnectionFlags extends AddressFlags {
  /** @default the service's own */
  readonly namespace?: string;
}

export function addConnectionOptions(command: Command): Command {
  return addNamespaceOption(addAddressOption(command));
}

export function addAddressOption(command: Command): Command {
  return addCredentialOptions(
    command.option(
      '-a, --address <host:port>',
      'the service (or HEADWATER_ADDRESS)',
      address,
      environment()['HEADWATER_ADDRESS'] || DEFAULT_ADDRESS,
    ),
  );
}

export function addNamespaceOption(command: Command): Command {
  return command.option(
    '--namespace <name>',
    "the log of this name (or HEADWATER_NAMESPACE; default: the service's own)",
  );
}

/** The namespace by flag or environment. Throws `UsageError` for what cannot be one. */
export function namespaceOf(flags: { readonly namespace?: string }): string | undefined {
  const variable = environment()['HEADWATER_NAMESPACE'] || undefined;
  const name = flags.namespace ?? variable;
  if (name === undefined) return undefined;
  const problem = namespaceProblem(name);
  if (problem === undefined) return name;
  const where = flags.namespace === undefined ? 'HEADWATER_NAMESPACE' : '--namespace';
  throw new UsageError(`${where} ${JSON.stringify(name)} is no name of a namespace: it ${problem}`);
}

const ADDRESS = /^(\[[0-9a-fA-F:.]+\]|[^\s/:[\]]+):\d{1,5}$/;
const WRITE_ADDRESS = 'Write host:port, for example 127.0.0.1:50051, without http://.';

/** For commander: `host:port`, without a scheme. */
export function address(value: string): string {
  if (!ADDRESS.test(value)) throw new InvalidArgumentError(WRITE_ADDRESS);
  return value;
}

/** What came from the environment, commander has not looked at. */
function checkedAddress(value: string): string {
  if (!ADDRESS.test(value))
    throw new UsageError(`HEADWATER_ADDRESS ${value} is no address. ${WRITE_ADDRESS}`);
  return value;
}

/**
 * Runs `work` on the log that the flags name, as the principal. Throws `UsageError`; otherwise as {@link withService}.
 *
 * @param principal by default nobody in particular
 */
export async function withConnection<T>(
  flags: ConnectionFlags,
  work: (connection: Connection, signal: AbortSignal) => Promise<T>,
  principal?: User,
): Promise<T> {
  return connected(flags, { namespace: namespaceOf(flags), principal }, work);
}

/**
 * Runs `work` with a connection to the service, whichever log is named, and closes it. Ctrl-C aborts the signal; a second
 * one ends the process.
 */
export async function withService<T>(
  flags: AddressFlags,
  work: (connection: Connection, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return connected(flags, {}, work);
}

async function connected<T>(
  flags: AddressFlags,
  {
    namespace,
    principal,
  }: { readonly namespace?: string | undefined; readonly principal?: User | undefined },
  work: (connection: Connection, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const connection = connectTo({
    address: checkedAddress(flags.address),
    ...credentialsFrom(flags),
    ...(namespace === undefined ? {} : { namespace }),
    ...(principal === undefined ? {} : { principal }),
  });
  const interrupt = new AbortController();
  const onSignal = (by: NodeJS.Signals) => {
    if (interrupt.signal.aborted) process.exit(130);
    interrupt.abort(new InterruptedError(undefined, by));
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

/** Throws `UsageError` where a token would go unencrypted to another machine. */
function connectTo(options: ConnectOptions): Connection {
  try {
    return connect(options);
  } catch (error) {
    if (!(error instanceof TypeError) || options.token === undefined) throw error;
    throw new UsageError(
      'The token would go to another machine unencrypted: add --tls or --tls-ca, or --plaintext-token if the network protects it',
      { cause: error },
    );
  }
}

/** Ctrl-C or SIGTERM; `told` is what a person should know then. */
export class InterruptedError extends Error {
  constructor(
    readonly told?: string,
    readonly by?: NodeJS.Signals,
  ) {
    super(told ?? 'Interrupted');
    this.name = 'InterruptedError';
  }
}

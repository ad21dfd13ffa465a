import { type Server, type ServerCredentials, setLogger } from '@grpc/grpc-js';

/** Nothing can listen there. */
export class AddressUnavailableError extends Error {
  override readonly name = 'AddressUnavailableError';
}

const SILENT = { error: () => undefined, info: () => undefined, debug: () => undefined };

/** Where to listen. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Listens, and answers the port. Fails with {@link AddressUnavailableError}, which says what to change. */
export function bind(
  server: Server,
  credentials: ServerCredentials,
  address: ListenAddress,
): Promise<number> {
  const { host, port } = address;
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  // It would write a line of its own to standard error before we can say what is wrong.
  setLogger(SILENT);
  return new Promise((resolve, reject) => {
    server.bindAsync(target, credentials, (error, bound) => {
      setLogger(console);
      if (error) reject(new AddressUnavailableError(explain(error, target), { cause: error }));
      else resolve(bound);
    });
  });
}

function explain(error: Error, target: string): string {
  const { message } = error;
  if (message.includes('EADDRINUSE'))
    return `Cannot listen on ${target}: another program listens there; choose another port with --grpc-port`;
  if (message.includes('EACCES'))
    return `Cannot listen on ${target}: not permitted; choose a port above 1023 with --grpc-port`;
  if (message.includes('EADDRNOTAVAIL'))
    return `Cannot listen on ${target}: this machine has no such address; choose another with --grpc-host`;
  if (/ENOTFOUND|EAI_AGAIN|Name resolution failed/.test(message))
    return `Cannot listen on ${target}: the name is not known; choose an address of this machine with --grpc-host`;
  return `Cannot listen on ${target}: ${message}; choose another address with --grpc-host and --grpc-port`;
}

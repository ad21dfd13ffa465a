import { Server, ServerCredentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { connect } from '../../src/client/connect.js';
import { type Authority, makeAuthority } from '../support/certificates.js';

let authority: Authority;
/** Node warns of a thing once in a process. */
const warnings: string[] = [];
const warned = ({ message }: Error) => void warnings.push(message);
beforeAll(() => {
  process.on('warning', warned);
  authority = makeAuthority();
});
afterAll(() => {
  process.off('warning', warned);
  authority.close();
});

/** A server that has a certificate for these names, and no services. */
async function serverFor(alternativeNames: string): Promise<number> {
  const { cert, key } = authority.issue({ alternativeNames });
  const server = new Server();
  const secured = ServerCredentials.createSsl(null, [
    { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) },
  ]);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', secured, (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  onTestFinished(() => server.forceShutdown());
  return port;
}

/** What becomes of a call there: `UNIMPLEMENTED` from a server that is known, or why it is not. */
async function reached(address: string, serverName?: string): Promise<string> {
  const connection = connect({
    address,
    timeoutMs: 1500,
    tls: { ca: authority.cert, ...(serverName === undefined ? {} : { serverName }) },
  });
  onTestFinished(() => connection.close());
  return connection.info().then(
    () => 'answered',
    (error: unknown) => (error as Error).message,
  );
}

describe('a client over TLS', () => {
  it('knows a server by its name, by its address, or by the name that it is told', async () => {
    const known = /UNIMPLEMENTED|does not implement/;
    expect(await reached(`localhost:${await serverFor('DNS:localhost')}`)).toMatch(known);
    expect(await reached(`127.0.0.1:${await serverFor('IP:127.0.0.1')}`)).toMatch(known);
    expect(await reached(`127.0.0.1:${await serverFor('DNS:db.example')}`, 'db.example')).toMatch(known);
  });

  it.each([
    ['127.0.0.1', 'DNS:localhost', undefined],
    ['127.0.0.1', 'IP:127.0.0.2', undefined],
    ['localhost', 'DNS:other.example', undefined],
    ['127.0.0.1', 'IP:127.0.0.1', 'other.example'],
  ])('does not talk to %s with a certificate for %s, as %s', async (host, names, serverName) => {
    expect(await reached(`${host}:${await serverFor(names)}`, serverName)).toMatch(/certificate|altnames/i);
  });

  it('given an address asks for none by SNI, of which Node would warn', async () => {
    await reached(`127.0.0.1:${await serverFor('IP:127.0.0.1')}`);
    await new Promise((resolve) => setImmediate(resolve));
    expect(warnings.filter((message) => message.includes('ServerName'))).toEqual([]);
  });
});

// A client of a service that authenticates: its token and the service's certificate are in files.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { connect, type Connection } from '../../src/index.js';

export async function connectAsExporter(address: string, folder: string): Promise<Connection> {
  return connect({
    address,
    // Asked for each call, so that the next token is taken from where it is put.
    token: async () => (await readFile(path.join(folder, 'exporter.token'), 'utf8')).trim(),
    tls: { ca: await readFile(path.join(folder, 'service.pem')) },
  });
}

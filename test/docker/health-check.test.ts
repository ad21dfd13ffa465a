import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { expect, it } from 'vitest';
import { makeAuthority } from '../support/certificates.js';

const dockerfile = readFileSync(path.resolve(import.meta.dirname, '../../Dockerfile'), 'utf8');

it.each(['http', 'https'] as const)(
  'the health check of the image asks a service that speaks %s',
  async (scheme) => {
    const authority = makeAuthority();
    const { cert, certFile, key } = authority.issue({ alternativeNames: 'DNS:events.example' });
    let ready = true;
    const answer: http.RequestListener = ({ url }, response) =>
      response.writeHead(url === '/readyz' && ready ? 200 : 503).end();
    const server = scheme === 'https' ? https.createServer({ cert, key }, answer) : http.createServer(answer);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const env = {
      HEADWATER_HTTP_PORT: String((server.address() as AddressInfo).port),
      ...(scheme === 'https' ? { HEADWATER_TLS_CERT: certFile } : {}),
    };
    const [, ...words] = JSON.parse(
      /^HEALTHCHECK [^]*? CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]',
    ) as string[];
    const looked = async () => (await once(spawn(process.execPath, words, { env }), 'exit'))[0] as number;
    try {
      expect(await looked()).toBe(0);
      ready = false;
      expect(await looked()).toBe(1);
    } finally {
      server.close();
      authority.close();
    }
  },
);

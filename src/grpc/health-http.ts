import http from 'node:http';
import https from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import type { AddressInfo } from 'node:net';

/** What the HTTP side tells. */
export interface HealthHttpOptions {
  readonly host: string;
  readonly port: number;
  /**
   * As it is now, and told of changes.
   * @default without TLS
   */
  readonly tls?:
    | { readonly current: SecureContextOptions; onChange(listener: () => void): () => void }
    | undefined;
  /** Whether the database can be used now. */
  readonly serving: () => boolean;
  /** How far the log's newest time is ahead of the database's clock; 0 is well. */
  readonly headAheadSeconds: () => number;
  /** Facts for a person who looks at `/`. */
  readonly about: () => Readonly<Record<string, string | number | boolean>>;
}

/**
 * Health over HTTP, for probes that speak no gRPC: `/livez` is 200 while the process runs, `/readyz` and `/healthz` while the
 * database answers, else 503; `/` says what this is.
 */
export class HealthHttp {
  readonly #options: HealthHttpOptions;
  readonly #server: http.Server | https.Server;

  constructor(options: HealthHttpOptions) {
    this.#options = options;
    const { tls } = options;
    const limits = { requestTimeout: 10_000, headersTimeout: 10_000 };
    const answer = (request: http.IncomingMessage, response: http.ServerResponse) =>
      this.#answer(request, response);
    if (tls === undefined) this.#server = http.createServer(limits, answer);
    else {
      // Probes show no certificates.
      const own = () => ({ ...tls.current, ca: undefined });
      const server = https.createServer({ ...limits, ...own() }, answer);
      tls.onChange(() => server.setSecureContext(own()));
      this.#server = server;
    }
    this.#server.maxConnections = 200;
  }

  /** Resolves with the port; rejects with the error of `listen`, for example EADDRINUSE. */
  start(): Promise<number> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #clock(): { readonly headAheadSeconds?: number } {
    const headAheadSeconds = this.#options.headAheadSeconds();
    return headAheadSeconds > 0 ? { headAheadSeconds } : {};
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const reply = (status: number, body: object) => {
      response.writeHead(status, {
        'content-type': 'application/json; charset=utf-8',
        'cache-control': 'no-store',
      });
      response.end(request.method === 'HEAD' ? undefined : `${JSON.stringify(body)}\n`);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      reply(405, { error: `${request.method} is not allowed here: use GET` });
      return;
    }
    const serving = this.#options.serving();
    switch ((request.url ?? '/').split('?')[0]) {
      case '/':
        reply(200, { ...this.#options.about(), serving, health: ['/livez', '/readyz', '/healthz'] });
        return;
      case '/livez':
        reply(200, { status: 'LIVE' });
        return;
      case '/readyz':
      case '/healthz':
        reply(serving ? 200 : 503, { status: serving ? 'SERVING' : 'NOT_SERVING', ...this.#clock() });
        return;
      default:
        reply(404, { error: 'Nothing is here: try /, /livez, /readyz or /healthz' });
    }
  }
}

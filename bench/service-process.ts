import { loadConfig } from '../src/config.js';
import { startService } from '../src/server.js';
import { account, keptAccount } from './command-domain.js';
import { serveChild } from './serve-child.js';

// The service, as `headwater serve --domain` would run it.
const {
  databaseUrl,
  schema,
  flags = {},
} = JSON.parse(process.argv[2] ?? '{}') as {
  readonly databaseUrl: string;
  readonly schema: string;
  /** More settings. */
  readonly flags?: Readonly<Record<string, unknown>>;
};
const { config } = loadConfig(
  { databaseUrl, namespace: schema, grpcPort: 0, httpPort: 0, logLevel: 'warn', ...flags },
  undefined,
  {},
);
const service = await startService(config, undefined, { domain: [account, keptAccount] });
serveChild(service.grpcAddress, () => service.stop());

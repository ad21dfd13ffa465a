import v8 from 'node:v8';
import { Command } from 'commander';
import type { Config } from '../config.js';
import type { Service } from '../server.js';
import { version } from '../version.js';
import { addConfigOptions, configFrom } from './config-options.js';
import { DEFAULT_ADDRESS } from './connection-options.js';
import { Output } from './output.js';

/** `headwater serve`: the service, until SIGTERM or Ctrl-C. */
export function serveCommand(): Command {
  return addConfigOptions(new Command('serve'))
    .description('run the service, with an embedded Postgres unless DATABASE_URL names one')
    .addHelpText(
      'after',
      `
SIGTERM and Ctrl-C drain: health says not serving, appends under way are answered, streams are told to resume elsewhere.
A second Ctrl-C ends at once.

Examples:
  headwater serve
  DATABASE_URL=postgres://app@db/app headwater serve --namespace headwater --log-level warn
  headwater serve --domain ./dist/domain.js
  headwater serve --grpc-port 0 --http-port 0 --data /tmp/trial`,
    )
    .action(async (flags: Readonly<Record<string, unknown>>) => {
      keepHeapSmall();
      const { config } = configFrom(flags);
      // Only now: the other commands start in half the time without the service's parts.
      const [{ startService }, { StartError }, { createLogger }] = await Promise.all([
        import('../server.js'),
        import('../start-error.js'),
        import('../telemetry/logger.js'),
      ]);
      const logger = createLogger(config.logLevel);
      const began = performance.now();
      const asked = drainOnSignal();
      const service = await startService(config, logger);
      void asked.then(() => service.stop());
      await new Output().write(banner(service, config, performance.now() - began));
      const { failure } = await service.ended;
      if (failure) throw new StartError(`The service has ended: ${failure.message}`, { cause: failure });
      logger.info('Drained');
    });
}

/**
 * By itself V8 lets a small heap grow to four times what lives in it before it clears up, and more where the machine has
 * memory to spare. To three times keeps a busy service near 250 MB instead of 310, for 1 % more processor time while
 * appending and about 10 % while loading; to twice would cost 20 % overall. From inside a process there is no other way
 * than this flag.
 */
function keepHeapSmall(): void {
  v8.setFlagsFromString('--heap-growing-percent=200');
}

function banner(service: Service, config: Config, milliseconds: number): string {
  const { applied } = service.migration;
  const there = [
    ...(service.grpcAddress === DEFAULT_ADDRESS ? [] : [` --address ${service.grpcAddress}`]),
    ...(config.tlsCert === '' ? [] : [` --tls-ca ${config.tlsCert}`]),
    ...(config.accessFile === '' ? [] : [' --token-file <file>']),
  ].join('');
  return [
    `Headwater ${version()} serves (after ${Math.round(milliseconds)} ms)`,
    `  gRPC      ${service.grpcAddress}${config.tlsCert === '' ? '' : ', with TLS'}`,
    `  health    ${service.httpAddress}/readyz`,
    `  database  ${service.database}${applied.length > 0 ? ', schema migrated' : ''}`,
    ...(service.psql === undefined ? [] : [`  SQL       ${service.psql}`]),
    ...(service.commandTypes > 0 ? [`  domain    decides ${service.commandTypes} command types`] : []),
    ...accessLines(config),
    ...(config.accessFile === ''
      ? [
          'Next, in another terminal:',
          `  npx headwater tour${there}`,
          `  npx headwater append Account/1 Opened '{"owner":"ada"}'${there}`,
          `  npx headwater tail --from-start${there}`,
          ...(service.commandTypes > 0 ? [`  npx headwater commands${there}`] : []),
        ]
      : []),
    'Ctrl-C drains and ends.',
    '',
  ].join('\n');
}

/** Who comes in. */
function accessLines({ accessFile, accessShadow }: Config): readonly string[] {
  if (accessFile === '')
    return [
      '  access    anybody who reaches these addresses: nobody is authenticated, and the header',
      '            headwater-principal is believed, which tells for whom a command is sent',
    ];
  return accessShadow
    ? [
        '  access    whoever shows a token or a certificate; nothing is refused to them, and what',
        `            ${accessFile} would refuse is logged`,
      ]
    : [`  access    whoever shows a token or a certificate, as far as ${accessFile} allows`];
}

/**
 * Resolves at the first SIGTERM or Ctrl-C; a second one ends the process. Listens from before the start, since as process 1
 * of a container a signal that nobody listens for is lost.
 */
function drainOnSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = () => {
      if (asked) process.exit(1);
      asked = true;
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

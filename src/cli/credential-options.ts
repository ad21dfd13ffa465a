import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { ClientTls } from '../client/credentials.js';
import type { ConnectOptions } from '../client/connect.js';
import { environment } from '../config.js';
import { UsageError } from './exit-codes.js';

/** How a command says who calls, and how it knows the service. */
export interface CredentialFlags {
  readonly tokenFile?: string;
  readonly tls?: boolean;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly plaintextToken?: boolean;
}

/** Not HEADWATER_TLS_CERT and HEADWATER_TLS_KEY: those are the service's own. */
const VARIABLES = {
  tlsCa: 'HEADWATER_TLS_CA',
  tlsCert: 'HEADWATER_TLS_CLIENT_CERT',
  tlsKey: 'HEADWATER_TLS_CLIENT_KEY',
} as const;
const FLAGS = { tlsCa: '--tls-ca', tlsCert: '--tls-cert', tlsKey: '--tls-key' } as const;

/** A token itself is no flag: who lists the processes of the machine would see it. */
export function addCredentialOptions(command: Command): Command {
  return command
    .option(
      '--token-file <file>',
      'the token that says who calls (or HEADWATER_TOKEN_FILE, or HEADWATER_TOKEN, which is the token)',
    )
    .option(
      '--tls',
      'encrypt, and know the service by the certificates that Node trusts (or HEADWATER_TLS=true)',
    )
    .option('--tls-ca <file>', `encrypt, and know the service by these certificates (or ${VARIABLES.tlsCa})`)
    .option(
      '--tls-cert <file>',
      `encrypt, with the certificate that says who calls (or ${VARIABLES.tlsCert})`,
    )
    .option('--tls-key <file>', `its key (or ${VARIABLES.tlsKey})`)
    .option('--plaintext-token', 'send the token unencrypted to another machine: the network protects it');
}

/** Throws `UsageError`. */
export function credentialsFrom(
  flags: CredentialFlags,
): Pick<ConnectOptions, 'token' | 'tls' | 'plaintextToken'> {
  const token = tokenFrom(flags.tokenFile);
  return {
    tls: tlsFrom(flags),
    ...(token === undefined ? {} : { token }),
    ...(flags.plaintextToken ? { plaintextToken: true } : {}),
  };
}

/** The flag before the variables, and of these the token itself before the file. */
function tokenFrom(flag: string | undefined): string | undefined {
  const variables = environment();
  const own = flag === undefined ? variables['HEADWATER_TOKEN'] : undefined;
  const file = flag ?? variables['HEADWATER_TOKEN_FILE'];
  const where = flag === undefined ? (own ? 'HEADWATER_TOKEN' : 'HEADWATER_TOKEN_FILE') : '--token-file';
  const token = own || (file ? textOf(file, where).trim() : undefined);
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw new UsageError(`${where} holds no token: a token is one word`);
  return token;
}

function tlsFrom(flags: CredentialFlags): boolean | ClientTls {
  const variables = environment();
  const fileOf = (name: keyof typeof VARIABLES) => {
    const path = flags[name] ?? (variables[VARIABLES[name]] || undefined);
    const where = flags[name] === undefined ? VARIABLES[name] : FLAGS[name];
    return path === undefined ? undefined : textOf(path, where);
  };
  const [ca, cert, key] = [fileOf('tlsCa'), fileOf('tlsCert'), fileOf('tlsKey')];
  if ((cert === undefined) !== (key === undefined))
    throw new UsageError('--tls-cert and --tls-key go together: give both, or none');
  if (ca === undefined && cert === undefined) return flags.tls ?? variables['HEADWATER_TLS'] === 'true';
  return { ...(ca === undefined ? {} : { ca }), ...(cert && key ? { cert, key } : {}) };
}

function textOf(path: string, where: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${where} ${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import { type ChannelCredentials, type ChannelOptions, credentials } from '@grpc/grpc-js';

/** How the service is known by its certificate, and this client by its own. All in PEM. */
export interface ClientTls {
  /** @default whom Node trusts */
  readonly ca?: string | Uint8Array;
  /** The client's own certificate; needs `key`. */
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  /** The name that the service's certificate must be for. @default the host of the address */
  readonly serverName?: string;
}

/** A token, or what gives the present one: asked for each call, so it should keep it until it expires. */
export type TokenSource = string | (() => string | Promise<string>);

const LOOPBACK = /^(127(\.\d{1,3}){3}|\[::1\]|localhost):\d+$/;

/**
 * Throws `TypeError` where a token would cross a network that anybody can read.
 *
 * @param plaintextToken that the network is protected otherwise
 */
export function refuseOpenToken(
  addresses: readonly string[],
  given: {
    readonly token?: TokenSource;
    readonly tls?: boolean | ClientTls;
    readonly plaintextToken?: boolean;
  },
): void {
  const open = addresses.find((address) => !LOOPBACK.test(address));
  if (given.token === undefined || given.tls || given.plaintextToken || open === undefined) return;
  throw new TypeError(
    `The token would go to ${open} unencrypted: set tls, or plaintextToken if the network protects it`,
  );
}

/** How a channel to an address is secured. */
export interface ChannelSecurity {
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
}

/**
 * An IP address is no name that a client may ask for in TLS (RFC 6066), and Node warns of it; so something else is asked
 * for, and the certificate must be for the address all the same.
 */
export function channelSecurity(address: string, tls: boolean | ClientTls | undefined): ChannelSecurity {
  if (!tls) return { credentials: credentials.createInsecure(), options: {} };
  const { ca, cert, key, serverName } = tls === true ? {} : tls;
  const host = address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  const byAddress = serverName === undefined && isIP(host) !== 0;
  const asked = byAddress ? 'localhost' : serverName;
  return {
    credentials: credentials.createSsl(
      buffer(ca),
      buffer(key),
      buffer(cert),
      byAddress ? { checkServerIdentity: (_asked, shown) => checkServerIdentity(host, shown) } : {},
    ),
    options: asked === undefined ? {} : { 'grpc.ssl_target_name_override': asked },
  };
}

function buffer(pem: string | Uint8Array | undefined): Buffer | null {
  return pem === undefined ? null : Buffer.from(pem);
}

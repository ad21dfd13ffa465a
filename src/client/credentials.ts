import { type ChannelCredentials, credentials } from '@grpc/grpc-js';

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

export function channelCredentials(tls: boolean | ClientTls | undefined): ChannelCredentials {
  if (!tls) return credentials.createInsecure();
  const { ca, cert, key } = tls === true ? {} : tls;
  return credentials.createSsl(buffer(ca), buffer(key), buffer(cert));
}

function buffer(pem: string | Uint8Array | undefined): Buffer | null {
  return pem === undefined ? null : Buffer.from(pem);
}

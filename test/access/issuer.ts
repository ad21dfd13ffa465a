import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { JSONWebKeySet } from 'jose';
import { ASYMMETRIC, type JwtOptions, JwtVerifier } from '../../src/access/jwt-verifier.js';
import type { Principal } from '../../src/auth/principal.js';
import { type Clock, stoppedClock } from './clock.js';

export const ISSUER = 'https://issuer.example';
export const AUDIENCE = 'headwater';

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });

export function makeKeys() {
  return {
    rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    p256: ec('P-256'),
    p384: ec('P-384'),
    p521: ec('P-521'),
    ed25519: generateKeyPairSync('ed25519'),
  } satisfies Record<string, KeyPair>;
}

export type Keys = ReturnType<typeof makeKeys>;
export type Algorithm = (typeof ASYMMETRIC)[number];

/** With which key each algorithm signs. */
export const KEY_OF: Readonly<Record<Algorithm, keyof Keys>> = {
  RS256: 'rsa',
  RS384: 'rsa',
  RS512: 'rsa',
  PS256: 'rsa',
  PS384: 'rsa',
  PS512: 'rsa',
  ES256: 'p256',
  ES384: 'p384',
  ES512: 'p521',
  EdDSA: 'ed25519',
};

/** The signature of a JWS, by node alone: jose, which is tested, would refuse to make most of the wrong ones. */
export function signature(algorithm: Algorithm, key: KeyObject, input: string): Buffer {
  const data = Buffer.from(input);
  const hash = `sha${algorithm.slice(2)}`;
  if (algorithm === 'EdDSA') return sign(null, data, key);
  if (algorithm.startsWith('ES')) return sign(hash, data, { key, dsaEncoding: 'ieee-p1363' });
  if (algorithm.startsWith('RS')) return sign(hash, data, key);
  const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_DIGEST: saltLength } = constants;
  return sign(hash, data, { key, padding, saltLength });
}

export const base64url = (part: string | object | Uint8Array) =>
  part instanceof Uint8Array
    ? Buffer.from(part).toString('base64url')
    : Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');

/** A token of these parts; text goes in as it is, signed with whatever signs. */
export function token(
  header: string | object,
  payload: string | object,
  signed: (input: string) => Uint8Array,
): string {
  const input = `${base64url(header)}.${base64url(payload)}`;
  return `${input}.${base64url(signed(input))}`;
}

/** Good claims, at the time of the clock; what is given as `undefined` is left out. */
export function claims(clock: Clock, over: Readonly<Record<string, unknown>> = {}) {
  const now = Number(clock.now() / 1_000_000n);
  return { iss: ISSUER, aud: AUDIENCE, sub: 'ada', iat: now, exp: now + 300, ...over };
}

/** A good token. */
export function goodToken(
  keys: Keys,
  algorithm: Algorithm,
  payload: object,
  header: Readonly<Record<string, unknown>> = {},
): string {
  const { privateKey } = keys[KEY_OF[algorithm]];
  return token({ alg: algorithm, kid: KEY_OF[algorithm], ...header }, payload, (input) =>
    signature(algorithm, privateKey, input),
  );
}

/** What the issuer publishes. */
export function keySetOf(keys: Partial<Keys>): JSONWebKeySet {
  return {
    keys: Object.entries(keys).map(([kid, { publicKey }]) => ({
      ...publicKey.export({ format: 'jwk' }),
      kid,
      use: 'sig',
    })),
  } as JSONWebKeySet;
}

export interface Verifying {
  readonly clock: Clock;
  readonly verifier: JwtVerifier;
  readonly verify: (token: string) => Promise<Principal>;
}

export function verifying(
  keyFor: JwtOptions['keys']['keyFor'],
  over: Partial<JwtOptions> & { readonly clock?: Clock } = {},
): Verifying {
  const { clock = stoppedClock(), ...options } = over;
  const verifier = new JwtVerifier({
    keys: { keyFor },
    algorithms: ASYMMETRIC,
    issuers: [ISSUER],
    audiences: [AUDIENCE],
    toleranceSeconds: 5,
    mapping: () => ({
      principal: 'sub',
      bindings: [{ claim: 'roles', role: '$value', scope: 'system' }],
    }),
    runtime: clock,
    ...options,
  });
  return { clock, verifier, verify: async (text) => verifier.verify(text) };
}

import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { Runtime } from '../core/runtime.js';
import { KeySet } from './key-set.js';
import { WatchedFile } from './watched-file.js';

/** Bytes of a key set. */
const SET_BYTES = 1024 * 1024;
/** RFC 7518 asks for so many bits of an RSA key. */
const RSA_BITS = 2048;

/** The keys of an issuer as they are now. */
export interface IssuerKeys {
  /** The key for a token. Rejects with jose's errors, and `KeysUnavailableError`. */
  readonly keyFor: JWTVerifyGetKey;
  stop(): Promise<void>;
}

export interface IssuerKeysOptions {
  readonly runtime: Runtime;
  /** Told of keys that cannot be had; those before hold, for an hour at most where they come from a URL. */
  readonly onFailure: (error: unknown) => void;
  /** Told of other keys: what was verified with the former ones is no longer. */
  readonly onChange: () => void;
  /**
   * Milliseconds for one answer of a URL.
   * @default 5000
   */
  readonly timeoutMs?: number;
}

/**
 * The keys of an issuer: a URL of a key set, a file with one, or a file with one public key in PEM. Fails where a file cannot
 * be read or is neither; a file is read again when it changes, a URL is asked when the first token comes.
 */
export async function issuerKeys(where: string, options: IssuerKeysOptions): Promise<IssuerKeys> {
  if (/^https?:\/\//.test(where)) {
    const { keyFor } = new KeySet({ ...options, fetch: (signal) => fetchSet(where, signal) });
    return { keyFor, stop: async () => undefined };
  }
  const { onChange, onFailure, runtime } = options;
  const file = await WatchedFile.open({
    paths: [where],
    read: () => readKeys(where),
    runtime,
    onFailure,
    onRead: onChange,
  });
  return { keyFor: (header, token) => file.current(header, token), stop: () => file.stop() };
}

async function readKeys(file: string): Promise<JWTVerifyGetKey> {
  const text = await readFile(file, 'utf8');
  if (!text.includes('-----BEGIN')) return createLocalJWKSet(setOf(text));
  // A private key has the public one in it, and has no business here.
  if (text.includes('PRIVATE KEY')) throw new Error(`${file} holds a private key; give the public one`);
  const key = createPublicKey(text);
  refuseWeak(key, file);
  return async () => key;
}

/** What verifies no token would be found out by users, one by one. */
function refuseWeak({ asymmetricKeyDetails, asymmetricKeyType }: KeyObject, file: string): void {
  const bits = asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && bits < RSA_BITS)
    throw new Error(`${file} holds a key of ${bits} bits; it must have ${RSA_BITS} at least`);
  if (!['rsa', 'rsa-pss', 'ec', 'ed25519'].includes(asymmetricKeyType ?? ''))
    throw new Error(`${file} holds a key of the kind ${asymmetricKeyType}, with which no token is signed`);
}

async function fetchSet(url: string, signal: AbortSignal): Promise<JSONWebKeySet> {
  // Whom the issuer redirects to is not whom the operator has named.
  const response = await fetch(url, { signal, redirect: 'error', headers: { accept: 'application/json' } });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`The key set answers ${response.status}`);
  }
  return setOf(await boundedText(response));
}

/** Gives up as soon as it is too long, compressed or not. */
async function boundedText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > SET_BYTES) throw new Error(`The key set is longer than ${SET_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function setOf(text: string): JSONWebKeySet {
  const set = parsed(text);
  if (typeof set !== 'object' || set === null || !('keys' in set) || !Array.isArray(set.keys))
    throw new Error('The key set must be an object with a list "keys"');
  return set as JSONWebKeySet;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error('The key set is not JSON', { cause: error });
  }
}

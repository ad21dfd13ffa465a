import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { JSONWebKeySet } from 'jose';
import type { Runtime } from '../core/runtime.js';
import { KeySet, type KeySetOptions } from './key-set.js';

/** Bytes of a key set. */
const SET_BYTES = 1024 * 1024;

/**
 * The keys of an issuer: a URL of a key set, a file with one, or a file with one public key in PEM. Fails where a file cannot
 * be read or is neither; a URL is asked when the first token comes.
 */
export async function issuerKeys(
  where: string,
  options: Pick<KeySetOptions, 'onFailure' | 'onChange'> & { readonly runtime: Runtime },
): Promise<KeySet | KeyObject> {
  if (/^https?:\/\//.test(where))
    return new KeySet({ ...options, fetch: (signal) => fetchSet(where, signal) });
  const text = await readFile(where, 'utf8');
  if (text.includes('-----BEGIN')) {
    // A private key has the public one in it, and has no business here.
    if (text.includes('PRIVATE KEY')) throw new Error(`${where} holds a private key; give the public one`);
    return createPublicKey(text);
  }
  setOf(text);
  // A file is near: it may be looked at often, so that a new key is good within moments.
  return new KeySet({
    ...options,
    cooldownMs: 1000,
    refreshMs: 2000,
    fetch: async () => setOf(await readFile(where, 'utf8')),
  });
}

async function fetchSet(url: string, signal: AbortSignal): Promise<JSONWebKeySet> {
  const response = await fetch(url, { signal, redirect: 'error', headers: { accept: 'application/json' } });
  if (!response.ok) throw new Error(`The key set answers ${response.status}`);
  const text = await response.text();
  if (text.length > SET_BYTES) throw new Error(`The key set is longer than ${SET_BYTES} bytes`);
  return setOf(text);
}

function setOf(text: string): JSONWebKeySet {
  const set: unknown = JSON.parse(text);
  if (typeof set !== 'object' || set === null || !('keys' in set) || !Array.isArray(set.keys))
    throw new Error('The key set must be an object with a list "keys"');
  return set as JSONWebKeySet;
}

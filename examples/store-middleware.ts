// Middleware of the store: payloads that are encrypted in the table and plain for everybody who reads, and a rule that
// refuses appends. Hand it to `startService`, or export it from the module that --store-middleware names.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { AppendRefusedError, DEFAULT_CONTENT_TYPE, type StoreMiddleware } from '../src/index.js';

const ENCRYPTED = 'application/x-encrypted; of=';
const NONCE = 12;
const TAG = 16;

/** AES-256-GCM with a fresh nonce for each event. What was stored in plain before is read as it is. */
export function encrypting(key: Uint8Array): StoreMiddleware {
  return {
    name: 'encrypting',
    beforeAppend: (event) => {
      const nonce = randomBytes(NONCE);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(event.eventType));
      const data = Buffer.concat([nonce, cipher.update(event.data), cipher.final(), cipher.getAuthTag()]);
      return { ...event, data, contentType: ENCRYPTED + (event.contentType ?? DEFAULT_CONTENT_TYPE) };
    },
    onLoad: (event) => {
      if (!event.contentType.startsWith(ENCRYPTED)) return event;
      const nonce = event.data.subarray(0, NONCE);
      const decipher = createDecipheriv('aes-256-gcm', key, nonce)
        .setAAD(Buffer.from(event.eventType))
        .setAuthTag(event.data.subarray(-TAG));
      const data = Buffer.concat([decipher.update(event.data.subarray(NONCE, -TAG)), decipher.final()]);
      return { ...event, data, contentType: event.contentType.slice(ENCRYPTED.length) };
    },
  };
}

/** Nobody appends an event that does not say who it was. */
export const signed: StoreMiddleware = {
  name: 'signed',
  beforeAppend: (event) => {
    if (event.metadata?.['actor'] === undefined)
      throw new AppendRefusedError('signed', `${event.eventType} must say in metadata who the actor is`);
    return event;
  },
};

/** Writes down what was appended, after it was. */
export function audited(write: (line: string) => void): StoreMiddleware {
  return {
    name: 'audited',
    afterAppend: (outcome) => {
      if (outcome.outcome === 'REFUSED' || outcome.deduplicated) return;
      write(`${outcome.eventIds.length} events up to position ${outcome.lastPosition}`);
    },
  };
}

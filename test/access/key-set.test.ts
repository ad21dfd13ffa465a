import type { JSONWebKeySet } from 'jose';
import { describe, expect, it } from 'vitest';
import { KeySet } from '../../src/access/key-set.js';
import { StoreUnavailableError, UnauthenticatedError } from '../../src/core/errors.js';
import { stoppedClock } from './clock.js';
import { claims, goodToken, keySetOf, makeKeys, token, verifying } from './issuer.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const keys = makeKeys();
const nextKeys = makeKeys();
const next = (made: JSONWebKeySet): JSONWebKeySet => ({
  keys: made.keys.map((key) => ({ ...key, kid: `next-${key.kid}` })),
});

/** An issuer that publishes what it is told to, and counts how often it is asked. */
function issuer(first: unknown) {
  const clock = stoppedClock();
  const state = { publishes: first, asked: 0, failures: 0, changes: 0 };
  const { keyFor } = new KeySet({
    runtime: clock,
    fetch: async () => {
      state.asked += 1;
      if (state.publishes instanceof Error) throw state.publishes;
      return state.publishes as JSONWebKeySet;
    },
    onFailure: () => (state.failures += 1),
    onChange: () => {
      state.changes += 1;
      made.verifier.forget();
    },
  });
  const made = verifying(keyFor, { clock });
  const signed = (kid = 'p256', by = keys) => made.verify(goodToken(by, 'ES256', claims(clock), { kid }));
  return { state, clock, signed, verify: made.verify };
}

const offline = new Error('ECONNREFUSED');

describe('keys of an issuer', () => {
  it('are fetched when the first token comes, and not again while they are young', async () => {
    const { clock, signed, state } = issuer(keySetOf(keys));
    expect(state.asked).toBe(0);
    await Promise.all([signed(), signed(), signed()]);
    clock.advance(9 * MINUTE);
    await signed();
    expect(state).toMatchObject({ asked: 1, changes: 1 });
  });

  it('that are new are good at once', async () => {
    const { clock, signed, state } = issuer(keySetOf(keys));
    await signed();
    state.publishes = { keys: [...keySetOf(keys).keys, ...next(keySetOf(nextKeys)).keys] };
    clock.advance(30 * SECOND);
    expect(await signed('next-p256', nextKeys)).toMatchObject({ id: 'ada' });
    expect(await signed()).toMatchObject({ id: 'ada' });
    expect(state.asked).toBe(2);
  });

  it('that are new within the cooldown are good when it is over', async () => {
    const { clock, signed, state } = issuer(keySetOf(keys));
    await signed();
    state.publishes = next(keySetOf(nextKeys));
    clock.advance(29 * SECOND);
    await expect(signed('next-p256', nextKeys)).rejects.toThrow(/a key that is not known/);
    expect(state.asked).toBe(1);
    clock.advance(1 * SECOND);
    expect(await signed('next-p256', nextKeys)).toMatchObject({ id: 'ada' });
  });

  it('that are gone are no good from the next fetch on, for tokens too that were verified before', async () => {
    const { clock, signed, state } = issuer(keySetOf(keys));
    await signed();
    state.publishes = next(keySetOf(nextKeys));
    clock.advance(30 * SECOND);
    await signed('next-p256', nextKeys);
    await expect(signed()).rejects.toBeInstanceOf(UnauthenticatedError);
  });

  it('that are old are used while others are fetched, which then hold', async () => {
    const { clock, signed, state } = issuer(keySetOf(keys));
    await signed();
    state.publishes = next(keySetOf(nextKeys));
    clock.advance(11 * MINUTE);
    expect(await signed()).toMatchObject({ id: 'ada' });
    await expect.poll(() => state.changes).toBe(2);
    await expect(signed()).rejects.toThrow(/a key that is not known/);
  });
});

describe('an issuer that cannot be reached', () => {
  it('is asked once in a cooldown, and its last keys hold for an hour', async () => {
    const { clock, signed, state } = issuer(keySetOf(keys));
    await signed();
    state.publishes = offline;
    for (let minute = 1; minute <= 60; minute += 1) {
      clock.advance(1 * MINUTE);
      expect(await signed()).toMatchObject({ id: 'ada' });
    }
    expect(state.failures).toBe(state.asked - 1);
    clock.advance(1 * MINUTE);
    await expect(signed()).rejects.toBeInstanceOf(StoreUnavailableError);
    state.publishes = keySetOf(keys);
    clock.advance(30 * SECOND);
    expect(await signed()).toMatchObject({ id: 'ada' });
  });

  it('and never was says nothing of the token: that is to be tried again', async () => {
    const { clock, signed, state } = issuer(offline);
    for (let time = 0; time < 10; time += 1)
      await expect(signed()).rejects.toMatchObject({
        reason: 'STORE_UNAVAILABLE',
        outcome: 'NOT_APPLIED',
      });
    expect(state.asked).toBe(1);
    state.publishes = keySetOf(keys);
    clock.advance(30 * SECOND);
    expect(await signed()).toMatchObject({ id: 'ada' });
  });

  it.each([
    ['a list of no keys', { keys: [1, 'key', null] }],
    ['keys that are no list', { keys: {} }],
    ['nothing', null],
  ])('and publishes %s has published nothing: the keys before do not become younger', async (_, garbage) => {
    const { clock, signed, state } = issuer(keySetOf(keys));
    await signed();
    state.publishes = garbage;
    for (let minute = 1; minute <= 6; minute += 1) {
      clock.advance(10 * MINUTE);
      expect(await signed()).toMatchObject({ id: 'ada' });
    }
    clock.advance(1 * MINUTE);
    await expect(signed()).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(state.failures).toBeGreaterThanOrEqual(6);
  });
});

describe('a flood of made-up key ids', () => {
  it('makes one fetch in a cooldown at most, all at once and one after the other', async () => {
    const { clock, signed, state, verify } = issuer(keySetOf(keys));
    await signed();
    // Unsigned: the key is looked for first.
    const madeUp = (kid: string) =>
      verify(token({ alg: 'ES256', kid }, claims(clock), () => Buffer.alloc(64))).then(
        () => 'let in',
        (error: unknown) => (error instanceof UnauthenticatedError ? 'refused' : error),
      );
    for (let cooldown = 1; cooldown <= 3; cooldown += 1) {
      clock.advance(30 * SECOND);
      const atOnce = await Promise.all(
        Array.from({ length: 1000 }, (_, index) => madeUp(`at-once-${cooldown}-${index}`)),
      );
      const inTurn: unknown[] = [];
      for (let index = 0; index < 1000; index += 1) {
        inTurn.push(await madeUp(`in-turn-${cooldown}-${index}`));
        clock.advance(25);
      }
      expect(new Set([...atOnce, ...inTurn])).toEqual(new Set(['refused']));
      expect(state.asked).toBe(1 + cooldown);
      // Who has a good key does not notice.
      expect(await signed()).toMatchObject({ id: 'ada' });
    }
  });
});

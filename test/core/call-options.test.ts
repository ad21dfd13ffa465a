import { expect, it } from 'vitest';
import { type CallOptions, endOf, LazyCallOptions } from '../../src/core/call-options.js';

const reason = new Error('The caller has gone');

/** A call whose signal is made when it is asked for. */
function call() {
  const controller = new AbortController();
  return {
    made: false,
    endedBy: undefined as Error | undefined,
    get signal() {
      this.made = true;
      return controller.signal;
    },
    end() {
      this.endedBy = reason;
      controller.abort(reason);
    },
  };
}

it('whether a call has ended is told without its signal, where that is not made yet', () => {
  const lazy = call();
  const options: CallOptions = new LazyCallOptions(lazy);
  expect(endOf(options)).toBeUndefined();
  lazy.end();
  expect(endOf(options)).toBe(reason);
  expect(lazy.made).toBe(false);
});

it('a copy of such options has the signal, and one with another signal heeds that', () => {
  const lazy = call();
  const options: CallOptions = new LazyCallOptions(lazy);
  const copy: CallOptions = { ...options };
  const other: CallOptions = { ...options, signal: new AbortController().signal };
  lazy.end();
  expect(copy.signal?.aborted).toBe(true);
  expect(endOf(copy)).toBe(reason);
  expect(endOf(other)).toBeUndefined();
});

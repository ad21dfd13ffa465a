import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { Outbox } from '../../src/grpc/outbox.js';

/** A call whose reader takes a message when it is told to. */
function slowCall(): { readonly call: Writable; readonly take: () => void } {
  const written: (() => void)[] = [];
  const call = new Writable({ objectMode: true, write: (_message, _encoding, done) => written.push(done) });
  return { call, take: () => written.shift()?.() };
}

test('all who wait for room get it when there is some', async () => {
  const { call, take } = slowCall();
  const outbox = new Outbox(call, 2000);
  outbox.write(Buffer.alloc(3000));
  const waiting = [outbox.room(5000), outbox.room(5000), outbox.room(5000)];
  take();
  expect(await Promise.all(waiting)).toEqual([true, true, true]);
});

test('who waits in vain is told so, though others wait too', async () => {
  const outbox = new Outbox(slowCall().call, 2000);
  outbox.write(Buffer.alloc(3000));
  expect(await Promise.all([outbox.room(20), outbox.room(30)])).toEqual([false, false]);
});

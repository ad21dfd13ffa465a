import { vi } from 'vitest';
import { newEvent, to } from '../../src/testing/builders.js';
import type { Connection } from '../../src/client/connect.js';
import { secured } from './secured.js';

const ACCESS = {
  rules: [
    { name: 'admins', roles: ['admin'], actions: ['*'] },
    { name: 'service', roles: ['service'], actions: ['*'] },
  ],
  principals: { root: [{ role: 'admin', scope: 'system' }] },
};

/** How long it took until what was open with a token had ended, in milliseconds, and with what. */
export interface Ended {
  readonly milliseconds: number;
  readonly reasons: readonly string[];
}

/** Revokes so many tokens, one after the other, each with a stream, appends and a worker that go on at two instances. */
export async function revocations(trials: number): Promise<readonly Ended[]> {
  const { as, root } = await secured(ACCESS, { instances: 2 });
  const admin = await root();
  const ended: Ended[] = [];
  for (let trial = 0; trial < trials; trial += 1) {
    const { secret, token } = await admin.access.createToken({
      name: `trial ${trial}`,
      principal: 'program',
      bindings: [{ role: 'service', scope: 'system' }],
    });
    const connections = [as({ token: secret }, 0), as({ token: secret }, 1)];
    await Promise.all(connections.map(known));
    const goingOn = await Promise.all(
      connections.flatMap((one) => [stream(one), appends(one, trial), worker(one)]),
    );
    const began = performance.now();
    const reasons = Promise.all(goingOn.map(({ reason }) => reason));
    await admin.access.revokeToken(token.tokenId);
    ended.push({ reasons: await reasons, milliseconds: performance.now() - began });
    for (const connection of connections) connection.close();
  }
  return ended;
}

/** An instance that did not make the token itself knows it as soon as it has read of it. */
async function known({ eventStore }: Connection): Promise<void> {
  await vi.waitFor(() => eventStore.getLog(), { timeout: 10_000, interval: 20 });
}

/** The reason is told when it has ended. */
interface GoingOn {
  readonly reason: Promise<string>;
}

const reasonOf = (error: unknown) =>
  error instanceof Error && 'reason' in error ? String(error.reason) : String(error);

async function stream({ eventStore }: Connection): Promise<GoingOn> {
  const messages = eventStore.subscribe({ start: { kind: 'END' } })[Symbol.asyncIterator]();
  await messages.next();
  const rest = async () => {
    while (!(await messages.next()).done);
    return 'done';
  };
  return { reason: rest().catch(reasonOf) };
}

async function appends({ eventStore }: Connection, trial: number): Promise<GoingOn> {
  const stream = { aggregateType: 'Trial', aggregateId: String(trial) };
  const append = () => eventStore.append({ streams: [to(stream, 'ANY', newEvent())] });
  await append();
  const forEver = async () => {
    for (;;) await append();
  };
  return { reason: forEver().catch(reasonOf) };
}

async function worker(connection: Connection): Promise<GoingOn> {
  const { ended, ready } = connection.handle({
    commands: [{ commandType: 'Try', aggregateType: 'Trial' }],
    decide: () => ({ events: [] }),
  });
  await ready;
  return { reason: ended.then(({ failure }) => (failure === undefined ? 'done' : reasonOf(failure))) };
}

import type { MessageInitShape } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AcceptedSchema } from '../../gen/headwater/v1/command_service_pb.js';
import { accepted, startWorker } from '../grpc/raw-worker.js';
import { metadataOf } from './matrix/send.js';
import type { PrincipalName } from './matrix/principals.js';
import { openWorld, type World } from './matrix/world.js';

type Accepted = MessageInitShape<typeof AcceptedSchema>;

let world: World;
beforeAll(async () => {
  world = await openWorld();
}, 60_000);
afterAll(() => world.close());

/** A worker that accepts the next command like this; gives what became of the command, and of the worker's call. */
async function decided(principal: PrincipalName, more: Accepted) {
  const commandType = `Do-${Math.random()}`;
  const worker = await startWorker(
    world.raw,
    {
      name: 'w',
      maxInFlight: 1,
      commands: [{ commandType, aggregateType: 'Order', policies: [{ roles: ['admin'] }] }],
    },
    ({ correlation }, self) => self.decide(correlation, accepted('Done', more)),
    metadataOf(world.authorization(principal), world.namespaces.main),
  );
  const gone = new AbortController();
  const executed = world.root.commands
    .execute(
      { commandType, aggregateId: 'eu-1', data: { kind: 'JSON', bytes: Buffer.from('{}') } },
      { signal: gone.signal },
    )
    .then(
      () => 'executed',
      () => 'failed',
    );
  await Promise.race([executed, worker.ended]);
  // Else it waits for another worker.
  void worker.ended.then(() => gone.abort());
  worker.call.cancel();
  return { executed: await executed, code: (await worker.ended).code };
}

const stream = (aggregateType: string, aggregateId: string) =>
  ({
    stream: { aggregateType, aggregateId },
    expectedVersion: { expectation: { case: 'streamExists', value: {} } },
  }) as const;
const POLICY_DENIED = 7;
const CANCELLED = 1;

describe('what a worker decides', () => {
  it('may depend on streams that it may handle', async () => {
    expect(await decided('of one type', { checks: [stream('Order', 'us-1')] })).toEqual({
      executed: 'executed',
      code: CANCELLED,
    });
  });

  it.each<[string, Accepted]>([
    ['on a stream of another type', { checks: [stream('Order', 'us-1'), stream('Secret', 's-1')] }],
    [
      'on the whole log',
      { condition: { items: [{ eventTypes: ['Told'] }], after: { position: 0n, epoch: 1n } } },
    ],
  ])('may not depend %s, by whether it goes through', async (_, more) => {
    expect(await decided('of one type', more)).toEqual({ executed: 'failed', code: POLICY_DENIED });
    expect(await decided('worker', more)).toEqual({ executed: 'executed', code: CANCELLED });
  });
});

import { describe, expect, it } from 'vitest';
import { appendTo, newEvent, thing } from '../../../src/testing/index.js';
import { Consumer, DILIGENT, GROUP, type Habits, Instance, World } from './world.js';

const STREAMS = 9;
const SEEDS = Number(process.env['GROUP_SEEDS'] ?? 60);
const FIRST = Number(process.env['GROUP_SEED'] ?? 1);

const CARELESS: Habits = {
  fails: 0.1,
  parks: 0.02,
  skips: 0.02,
  partly: 0.2,
  forgets: 0.01,
  dawdles: 0.05,
  slow: 15,
};

/** A few seconds of trouble, and then peace until all is done; gives what went wrong. */
async function simulate(seed: number): Promise<readonly string[]> {
  const world = new World(seed);
  await world.createGroup();
  const instances: Instance[] = [];
  const consumers: Consumer[] = [];
  const begin = () => {
    const instance = new Instance(world);
    instances.push(instance);
    for (let count = 1 + world.below(2); count > 0; count--)
      consumers.push(new Consumer(world, instance, CARELESS));
  };
  for (let count = 1 + world.below(3); count > 0; count--) begin();
  for (let step = 0; step < 60; step++) {
    if (world.chance(0.6))
      await world.store.append(
        appendTo(
          thing(`s${world.below(STREAMS)}`),
          ...Array.from({ length: 1 + world.below(4) }, () => newEvent()),
        ),
      );
    const instance = instances[world.below(instances.length)];
    const consumer = consumers[world.below(consumers.length)];
    if (world.chance(0.03)) consumer?.crash();
    if (world.chance(0.03)) void consumer?.membership?.leave();
    if (instance) {
      if (world.chance(0.05)) instance.cut = !instance.cut;
      if (world.chance(0.05)) instance.losesAnswers = !instance.losesAnswers;
      if (world.chance(0.05)) instance.paused = !instance.paused;
      if (world.chance(0.02)) {
        instance.dead = true;
        instances.splice(instances.indexOf(instance), 1);
        if (instances.length === 0) begin();
      }
    }
    if (world.chance(0.03) && instances.length < 3) begin();
    if (world.chance(0.1)) await world.storage.replayParked({ group: GROUP });
    await world.clock.pass(world.below(120));
  }
  for (const consumer of consumers) {
    consumer.gone = true;
    consumer.crash();
  }
  for (const instance of instances)
    Object.assign(instance, { cut: false, losesAnswers: false, paused: false });
  const healthy = new Instance(world);
  const last = [new Consumer(world, healthy, DILIGENT), new Consumer(world, healthy, DILIGENT)];
  const { position: head } = await world.store.getLog();
  let state = await healthy.host.get(GROUP);
  for (let waited = 0; waited < 300 && (state.position.position < head || state.parked > 0n); waited++) {
    await world.storage.replayParked({ group: GROUP });
    await world.clock.pass(100);
    state = await healthy.host.get(GROUP);
  }
  if (state.position.position < head || state.parked > 0n)
    world.violations.push(`it stands at ${state.position.position} of ${head}, ${state.parked} are parked`);
  let done = 0n;
  for (const versions of world.done.values()) done += BigInt(versions.size);
  if (done !== head) world.violations.push(`${done} of ${head} events were done`);
  for (const consumer of last) consumer.gone = true;
  await healthy.host.stop();
  console.log(
    seed,
    head,
    [...world.delivered.values()].reduce((a, b) => a + b, 0),
    world.clock.now,
  );
  return world.violations;
}

describe('consumer groups under trouble', () => {
  it('skip nothing, keep the order of each stream, and have one holder of a slot at a time', async () => {
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++)
      expect(await simulate(seed), `seed ${seed}`).toEqual([]);
  }, 600_000);
});

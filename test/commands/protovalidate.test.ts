import { createStandardSchema } from '@bufbuild/protovalidate';
import { describe, expect, it } from 'vitest';
import { commandOf, CommandRegistry } from '../../src/commands/command-registry.js';
import { defineAggregate } from '../../src/commands/define-aggregate.js';
import { eventTypes } from '../../src/core/event-types.js';
import { protobuf } from '../../src/wire/protobuf-codec.js';
import { managerOn, memoryStore } from './account.js';
import { RegisterSchema } from './rules/gen/acme/v1/register_pb.js';

// The rules stand in the proto (rules/proto), and protovalidate enforces them.
const codec = protobuf(RegisterSchema, { validate: createStandardSchema(RegisterSchema) });
const events = eventTypes().register('Registered', { codec });
const person = defineAggregate({
  type: 'Person',
  events,
  initialState: { email: '' },
  evolve: (_state, { payload }) => ({ email: payload.email }),
  commands: { Register: { data: codec, decide: (_state, data) => [events.encode('Registered', data)] } },
});
const people = managerOn(memoryStore(), { registry: new CommandRegistry().register(person) });

describe('a command whose proto has rules of protovalidate', () => {
  it('that keeps them is carried out', async () => {
    const data = { email: 'ada@example.org', name: 'Ada', age: 36n };
    await people.execute(commandOf(person, 'Register', data, { aggregateId: 'ada' }));
    expect((await people.get(person, 'ada')).state).toEqual({ email: 'ada@example.org' });
  });

  it('that breaks them is refused with every field that does, and nothing is appended', async () => {
    const broken = { email: 'no address', name: 'A', age: 3n };
    expect(() => commandOf(person, 'Register', broken, { aggregateId: 'bob' })).toThrow(
      expect.objectContaining({
        reason: 'INVALID_REQUEST',
        violations: [
          { field: 'data.email', description: expect.stringContaining('email') },
          { field: 'data.name', description: expect.stringContaining('2 characters') },
          { field: 'data.age', description: expect.stringContaining('17') },
        ],
      }),
    );
    // As another language's client would send it.
    const loose = commandOf(person, 'Register', { email: 'ada@example.org', name: 'Ada', age: 36n });
    const { data } = commandOf(person, 'Register', { email: 'x@example.org', name: 'Xy', age: 18n });
    expect(data).toMatchObject({ kind: 'MESSAGE', typeName: 'acme.v1.Register' });
    const young = {
      ...loose,
      aggregateId: 'carl',
      data: { kind: 'MESSAGE', typeName: 'acme.v1.Register', bytes: Uint8Array.of(0x18, 3) },
    } as const;
    await expect(people.execute(young)).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
      violations: expect.arrayContaining([{ field: 'data.age', description: expect.stringContaining('17') }]),
    });
    await expect(people.get(person, 'carl')).rejects.toMatchObject({ reason: 'STREAM_NOT_FOUND' });
  });
});

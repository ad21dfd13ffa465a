import { create, type DescMessage, isMessage, toBinary } from '@bufbuild/protobuf';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { LogPositionSchema } from '../../gen/headwater/v1/log_position_pb.js';
import { StreamIdSchema } from '../../gen/headwater/v1/stream_pb.js';
import { commandOf, CommandRegistry } from '../../src/commands/command-registry.js';
import { defineAggregate } from '../../src/commands/define-aggregate.js';
import { eventTypes } from '../../src/core/event-types.js';
import type { SchemaIssue, StandardSchema } from '../../src/core/standard-schema.js';
import { protobuf } from '../../src/wire/protobuf-codec.js';
import { managerOn, memoryStore } from './account.js';

/** In the shape of what `createStandardSchema` of protovalidate gives: a rule that an id is no "none". */
function rules(schema: DescMessage): StandardSchema {
  return {
    '~standard': {
      version: 1,
      vendor: 'protovalidate',
      validate: (value) => {
        if (!isMessage(value, schema)) return { issues: [{ message: 'not this message' }] };
        const { aggregateId } = value as unknown as { aggregateId: string };
        const issues: SchemaIssue[] =
          aggregateId === 'none' ? [{ message: 'must not be "none"', path: ['aggregateId'] }] : [];
        return issues.length > 0 ? { issues } : { value };
      },
    },
  };
}

const codec = protobuf(StreamIdSchema, { validate: rules(StreamIdSchema) });
const linkEvents = eventTypes().register('Linked', { codec });
const link = defineAggregate({
  type: 'Link',
  events: linkEvents,
  initialState: { target: '' },
  evolve: (_state, { payload }) => ({ target: payload.aggregateId }),
  commands: {
    LinkTo: {
      data: codec,
      decide: (_state, data) => {
        expectTypeOf(data.aggregateId).toBeString();
        return [linkEvents.encode('Linked', data)];
      },
    },
  },
});
const manager = () => managerOn(memoryStore(), { registry: new CommandRegistry().register(link) });
const linkTo = (target: string) =>
  commandOf(link, 'LinkTo', { aggregateType: 'Thing', aggregateId: target }, { aggregateId: 'l' });

describe('a command whose data are a protobuf message', () => {
  it('is sent with the name of the message, and decided on it', async () => {
    const links = manager();
    expect(linkTo('x').data).toMatchObject({ kind: 'MESSAGE', typeName: 'headwater.v1.StreamId' });
    await links.execute(linkTo('x'));
    expect((await links.get(link, 'l')).state).toEqual({ target: 'x' });
  });

  it('keeps the rules of its proto, or is refused field by field: where it is made, and where it comes in', async () => {
    const violations = [{ field: 'data.aggregateId', description: 'must not be "none"' }];
    expect(() => linkTo('none')).toThrow('data.aggregateId');
    const bytes = toBinary(StreamIdSchema, create(StreamIdSchema, { aggregateId: 'none' }));
    const data = { kind: 'MESSAGE', typeName: 'headwater.v1.StreamId', bytes } as const;
    await expect(manager().execute({ commandType: 'LinkTo', data })).rejects.toMatchObject({
      reason: 'INVALID_REQUEST',
      violations,
    });
  });

  it('may be written as JSON', async () => {
    const links = manager();
    const bytes = new TextEncoder().encode('{"aggregate_type":"Thing","aggregateId":"x"}');
    const data = { kind: 'JSON', bytes } as const;
    await links.execute({ commandType: 'LinkTo', aggregateId: 'l', data });
    expect((await links.get(link, 'l')).state).toEqual({ target: 'x' });
  });

  it('is refused as another message, and as bytes or JSON that are none', async () => {
    const bytes = toBinary(LogPositionSchema, create(LogPositionSchema, { position: 1n }));
    for (const [data, description] of [
      [
        { kind: 'MESSAGE', typeName: LogPositionSchema.typeName, bytes },
        'is a headwater.v1.LogPosition, not a headwater.v1.StreamId',
      ],
      [{ kind: 'JSON', bytes }, expect.stringContaining('cannot be read')],
      [
        { kind: 'MESSAGE', typeName: StreamIdSchema.typeName, bytes: new Uint8Array([10, 200]) },
        expect.stringContaining('cannot be read'),
      ],
    ] as const)
      await expect(manager().execute({ commandType: 'LinkTo', data })).rejects.toMatchObject({
        violations: [{ field: 'data', description }],
      });
  });
});

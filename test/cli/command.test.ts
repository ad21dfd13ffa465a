import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandArgument } from '../../src/cli/command-argument.js';
import { connect } from '../../src/client/connect.js';
import { headwater } from '../support/headwater.js';
import { MANAGER, serveTill, type TillService } from './till-service.js';

let service: TillService;
beforeAll(async () => {
  service = await serveTill();
});
afterAll(() => service.close());

describe('commands', () => {
  it('lists type, aggregate, existence, who decides, and policies', async () => {
    const { code, stdout } = await service.run(['commands']);
    expect(stdout.replaceAll(/ {2,}/g, '  ').split('\n')).toEqual([
      'command  aggregate  existence  decided by  policies',
      'CountTill  Till  any  service  none',
      'OpenTill  Till  must not exist  service  manager|owner in *',
      'PutIn  Till  must exist  service  cashier in shop on shop, manager|owner in *',
      'TakeOut  Till  must exist  service  cashier in shop on shop, manager|owner in *',
      '',
    ]);
    expect(code).toBe(0);
  });

  it('tells programs too, one object a line', async () => {
    const { stdout } = await service.run(['commands', '--json']);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(lines).toHaveLength(4);
    expect(lines[2]).toEqual({
      command_type: 'PutIn',
      aggregate_type: 'Till',
      existence: 'MUST_EXIST',
      policies: [
        { roles: ['cashier'], scopes: ['shop'], resource_field: 'shop' },
        { roles: ['manager', 'owner'], scopes: ['*'] },
      ],
      in_service: true,
      workers: 0,
    });
  });

  it('counts the workers that are connected', async () => {
    const connection = connect({ address: service.address });
    const worker = connection.handle({
      commands: [{ commandType: 'AuditShop', aggregateType: 'Shop' }],
      decide: () => ({ events: [] }),
    });
    await worker.ready;
    const { stdout } = await service.run(['commands']);
    expect(stdout).toMatch(/AuditShop +Shop +any +1 worker +none/);
    expect(await service.run(['command', 'AuditShop', 's-1'])).toMatchObject({ code: 0 });
    await worker.stop();
    connection.close();
  });
});

describe('a command', () => {
  it('is decided, and its aggregate, version, position and id are printed', async () => {
    const { code, stdout } = await service.run(['command', 'OpenTill', 't-1', '{"shop":"7"}', ...MANAGER]);
    expect(stdout).toMatch(/^aggregate +version +position +command id\nTill\/t-1 +1 +1 +[0-9a-f-]{36}\n$/);
    expect(code).toBe(0);
  });

  it('is done once when it is sent twice with the same id, and refused with the id of another', async () => {
    const put = (amount: number) =>
      service.run(['command', 'PutIn', 't-1', `{"amount":${amount}}`, '--command-id', 'put-1', '--json']);
    const first = JSON.parse((await put(5)).stdout) as Record<string, unknown>;
    expect(first).toMatchObject({
      aggregate: { aggregate_type: 'Till', aggregate_id: 't-1' },
      version: '2',
      position: '2',
      command_id: 'put-1',
      deduplicated: false,
    });
    expect(JSON.parse((await put(5)).stdout)).toEqual({ ...first, deduplicated: true });
    const { code, stderr } = await put(6);
    expect(stderr).toContain(
      'Command id put-1 was used for another command\n(COMMAND_ID_REUSED, NOT_APPLIED)',
    );
    expect(code).toBe(3);
  });

  it('makes a new aggregate when none is named, and the data may stand in its place', async () => {
    const { code, stdout } = await service.run(['command', 'OpenTill', '{"shop":"8"}', '--json']);
    expect(code).toBe(0);
    const { aggregate, version } = JSON.parse(stdout) as Record<string, Record<string, string>>;
    expect(version).toBe('1');
    expect(aggregate?.['aggregate_id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('takes its data from standard input, digit for digit, and its metadata into the events', async () => {
    const { code, stdout } = await service.run(
      ['command', 'OpenTill', 't-2', '-', '--metadata', 'correlation_id=r-77', '--json', ...MANAGER],
      '{"shop":"9"}\n',
    );
    expect(code).toBe(0);
    const connection = connect({ address: service.address });
    const events = [];
    const scope = { kind: 'STREAM', stream: { aggregateType: 'Till', aggregateId: 't-2' } } as const;
    for await (const page of connection.eventStore.load({ scope })) events.push(...page.events);
    connection.close();
    expect(events).toMatchObject([{ eventType: 'TillOpened', metadata: { correlation_id: 'r-77' } }]);
    expect(Buffer.from(events[0]?.data ?? []).toString()).toBe('{"shop":"9"}');
    expect(JSON.parse(stdout)).toMatchObject({ event_ids: [events[0]?.eventId] });
  });

  it('that comes to no event says so', async () => {
    const { code, stdout } = await service.run(['command', 'PutIn', 't-1', '{"amount":0}']);
    expect(stdout).toMatch(/Till\/t-1 +2 +no event/);
    expect(code).toBe(0);
  });

  it('that the domain refuses ends with 7, and prints its reason, message and facts', async () => {
    const { code, stderr, stdout } = await service.run(['command', 'TakeOut', 't-1', '{"amount":600}']);
    expect(stderr).toBe(
      'headwater: NOT_ENOUGH: There are only 5 in the till\nthere: 5\n(COMMAND_REJECTED, OUT_OF_RANGE, NOT_APPLIED)\n',
    );
    expect(stdout).toBe('');
    expect(code).toBe(7);
  });

  it('that no policy allows ends with 7, and one that the same person sends for the own shop is done', async () => {
    const put = (binding: string) =>
      service.run([
        'command',
        'PutIn',
        't-1',
        '{"shop":"7","amount":1}',
        '--as',
        'eve',
        '--binding',
        binding,
      ]);
    const { code, stderr } = await put('cashier@shop:8');
    expect(stderr).toBe('headwater: No policy allows PutIn\n(POLICY_DENIED, NOT_APPLIED)\n');
    expect(code).toBe(7);
    expect(await put('cashier@shop:7')).toMatchObject({ code: 0 });
    const principal = '{"id":"eve","bindings":[{"role":"cashier","scope":"shop","resource":"8"}]}';
    const args = ['command', 'PutIn', 't-1', '{"shop":"7","amount":1}', '--principal', principal];
    expect(await service.run(args)).toMatchObject({ code: 7 });
  });

  it.each([
    [['Nothing', 't-1'], 4, 'Nobody decides commands of type Nothing'],
    [['PutIn', 'not-there', '{"amount":1}'], 4, 'Stream Till not-there does not exist'],
    [['OpenTill', 't-1', '{"shop":"7"}'], 3, 'WRONG_EXPECTED_VERSION'],
    [['PutIn', 't-1', '{"amount":1}', '--expected-version', '1'], 3, 'expected 1'],
    [['PutIn', 't-1', '-'], 2, 'Standard input is not JSON'],
    [['PutIn', 't-1', '{}', '--expected-version', '0'], 2, 'Expected version "0" is none'],
    [['PutIn', 't-1', '{}', '--metadata', 'x'], 2, 'write key=value'],
    [['PutIn', 't-1', '{}', '--command-id', ''], 2, 'command_id'],
    [['PutIn', 't-1', '{}', '--binding', 'a@b'], 2, 'add --as <id>'],
  ])('headwater command %j ends with %i and says what is wrong', async (args, exit, message) => {
    const { code, stderr } = await service.run(['command', ...args]);
    expect(stderr).toContain(message);
    expect(code).toBe(exit);
  });

  it('that is left by Ctrl-C ends with 130, and says with which id to send it again', async () => {
    const connection = connect({ address: service.address });
    let sent: (() => void) | undefined;
    const worker = connection.handle({
      commands: [{ commandType: 'Ponder', aggregateType: 'Question' }],
      decide: (_task, signal) => {
        sent?.();
        return new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve({ events: [] }));
        });
      },
    });
    await worker.ready;
    const entry = path.resolve(import.meta.dirname, '../../bin/headwater.js');
    const words = [entry, 'command', 'Ponder', 'q-1', '--command-id', 'p-1', '--address', service.address];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'] });
    sent = () => child.kill('SIGINT');
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    const [code] = (await once(child, 'close')) as [number | null];
    expect(stderr).toBe(
      'Whether it was done is not known: send it again with --command-id p-1, and it is done once\n',
    );
    expect(code).toBe(130);
    await worker.stop();
    connection.close();
  });

  it('that no service answers ends with 5, and was not done', async () => {
    const { code, stderr } = await headwater(['command', 'PutIn', 't-1', '{}', '--address', '127.0.0.1:1']);
    expect(stderr).toContain('(STORE_UNAVAILABLE, NOT_APPLIED)');
    expect(code).toBe(5);
  });

  it('has help with examples', async () => {
    const { code, stdout } = await headwater(['command', '--help']);
    expect(stdout).toContain('Examples:\n  headwater command OpenAccount');
    expect(code).toBe(0);
  });
});

describe('the arguments of a command', () => {
  const input = async function* (text: string) {
    for (const character of text) yield Buffer.from(character);
  };
  const read = async (second?: string, third?: string, text = '') => {
    const { aggregateId, json } = await commandArgument('Put', second, third, input(text));
    return [aggregateId, json && Buffer.from(json).toString()];
  };

  it.each([
    [[], undefined, undefined],
    [['t-1'], 't-1', undefined],
    [['t-1', '{"a":1.0}'], 't-1', '{"a":1.0}'],
    [['{"a":12345678901234567890}'], undefined, '{"a":12345678901234567890}'],
    [[' [1]'], undefined, ' [1]'],
    [['', '7'], undefined, '7'],
    [['7'], '7', undefined],
    [['{t}', '{}'], '{t}', '{}'],
    [['t-1', '-', '{"b":2}\n'], 't-1', '{"b":2}\n'],
  ])('%j are the aggregate %j and the data %j', async (args, aggregateId, json) => {
    const [second, third, text] = args;
    expect(await read(second, third, text)).toEqual([aggregateId, json]);
  });

  it('read the data from standard input where the id could be', async () => {
    expect(await read('-', undefined, '{"b":2}')).toEqual([undefined, '{"b":2}']);
  });

  it.each([
    [['t-1', '{"a"'], 'The data "{\\"a\\"" is not JSON'],
    [['t-1', ''], 'The data "" is not JSON'],
    [['{t}'], 'The data "{t}" is not JSON'],
    [['t-1', '-', ''], 'Standard input is not JSON'],
  ])('%j are refused', async (args, message) => {
    const [second, third, text] = args;
    await expect(read(second, third, text)).rejects.toThrow(message);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bindingFrom, principalFrom } from '../../src/cli/principal-options.js';
import { headwater } from '../support/headwater.js';
import { serveTill, type TillService } from './till-service.js';

let service: TillService;
beforeAll(async () => {
  service = await serveTill();
});
afterAll(() => service.close());
/** Without what only lines the columns up. */
const cells = (stdout: string) => stdout.trim().replaceAll(/ {2,}/g, ' | ').split('\n');

describe('policy model', () => {
  it('prints each policy with its command, roles, scopes and resource', async () => {
    const { code, stdout } = await service.run(['policy', 'model']);
    expect(cells(stdout)).toEqual([
      'command | roles | scopes | resource',
      'CountTill | none',
      'OpenTill | manager, owner | * | aggregate id',
      'PutIn | cashier | shop | shop',
      'PutIn | manager, owner | * | aggregate id',
      'TakeOut | cashier | shop | shop',
      'TakeOut | manager, owner | * | aggregate id',
    ]);
    expect(code).toBe(0);
  });

  it('tells programs too', async () => {
    const { stdout } = await service.run(['policy', 'model', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      roles: ['cashier', 'manager', 'owner'],
      scopes: ['*', 'shop'],
      permissions: [
        { command_type: 'CountTill', policies: [] },
        { command_type: 'OpenTill', policies: [{ roles: ['manager', 'owner'], scopes: ['*'] }] },
        { command_type: 'PutIn' },
        { command_type: 'TakeOut' },
      ],
    });
  });
});

describe('policy explain', () => {
  it('prints the answer, and what each policy says of each binding', async () => {
    const bindings = ['cashier@shop:7', 'cashier@shop:8', 'cashier@city'];
    const question = ['policy', 'explain', 'PutIn', 't-1', '{"shop":"7"}', '--as', 'ada'];
    const { code, stdout } = await service.run([
      ...question,
      ...bindings.flatMap((one) => ['--binding', one]),
    ]);
    expect(cells(stdout)).toEqual([
      'ada may send PutIn: the policy "cashier in shop on shop" allows the binding cashier in shop for 7',
      '',
      'policy | binding | verdict | because',
      'cashier in shop on shop | cashier@shop:7 | allows',
      'cashier in shop on shop | cashier@shop:8 | no | the binding is for another resource',
      'cashier in shop on shop | cashier@city | no | it is for other scopes',
      'manager|owner in * | cashier@shop:7 | no | it is for other roles',
      'manager|owner in * | cashier@shop:8 | no | it is for other roles',
      'manager|owner in * | cashier@city | no | it is for other roles',
    ]);
    expect(code).toBe(0);
  });

  it('says no to who has no binding, and executes nothing', async () => {
    const { code, stdout } = await service.run([
      'policy',
      'explain',
      'OpenTill',
      't-9',
      '--as',
      'eve',
      '--json',
    ]);
    expect(JSON.parse(stdout)).toEqual({
      allowed: false,
      summary: expect.stringContaining('eve may not send OpenTill') as string,
      verdicts: [{ policy: 'manager|owner in *', allows: false, because: 'the principal has no binding' }],
    });
    expect(code).toBe(0);
    expect(await service.run(['aggregate', 'get', 'Till', 't-9'])).toMatchObject({ code: 4 });
  });

  it.each([
    [['explain', 'Nothing'], 4, 'Nobody decides commands of type Nothing'],
    [['explain', 'PutIn', 't-1', '{'], 2, 'is not JSON'],
    [['explain', 'PutIn', '--binding', 'a@b'], 2, 'add --as <id>'],
    [['modell'], 2, '(Did you mean model?)'],
  ])('headwater policy %j ends with %i and says what is wrong', async (args, exit, message) => {
    const { code, stderr } = await service.run(['policy', ...args]);
    expect(stderr).toContain(message);
    expect(code).toBe(exit);
  });
});

it('all have help with examples', async () => {
  const helps = [['policy'], ['policy', 'model'], ['policy', 'explain']];
  for (const { code, stdout } of await Promise.all(helps.map((args) => headwater([...args, '--help'])))) {
    expect(stdout).toContain('Examples:\n  headwater policy');
    expect(code).toBe(0);
  }
});

describe('a binding', () => {
  it.each([
    ['teller@branch', { role: 'teller', scope: 'branch' }],
    ['teller@branch:7', { role: 'teller', scope: 'branch', resource: '7' }],
    ['*@*', { role: '*', scope: '*' }],
    ['reader@mail:eve@example.org:2', { role: 'reader', scope: 'mail', resource: 'eve@example.org:2' }],
  ])('reads %s', (text, binding) => {
    expect(bindingFrom(text)).toEqual(binding);
  });

  it.each(['', 'teller', '@branch', 'teller@', 'teller@:7', 'teller@branch:'])('refuses %j', (text) => {
    expect(() => bindingFrom(text)).toThrow('write role@scope, or role@scope:resource');
  });
});

describe('a principal', () => {
  it('is the same by flags and as JSON', () => {
    const bindings = [{ role: 'teller', scope: 'branch', resource: '7' }];
    const principal = { kind: 'USER', id: 'Ådå', bindings };
    expect(principalFrom({ as: 'Ådå', binding: ['teller@branch:7'] })).toEqual(principal);
    expect(principalFrom({ principal: JSON.stringify({ id: 'Ådå', bindings }) })).toEqual(principal);
    expect(principalFrom({})).toBeUndefined();
  });

  it.each([
    [{ binding: ['a@b'] }, 'add --as <id>'],
    [{ as: 'eve', binding: ['a'] }, '--binding "a" is none: write role@scope'],
    [{ as: '' }, '--as and --binding: id '],
    [{ as: 'a'.repeat(300) }, '--as and --binding: id '],
    [{ as: 'eve', principal: '{}' }, 'cannot stand beside it'],
    [{ principal: '{' }, '--principal: must be JSON'],
    [{ principal: '{"id":"a","bindings":[{}]}' }, '--principal: bindings[0].role must be text'],
    [{ principal: '{"id":"a","ressource":"7"}' }, '--principal: has "ressource", which is not known'],
  ])('that the service would refuse is refused here, with the name of the flag: %j', (flags, message) => {
    expect(() => principalFrom(flags)).toThrow(message);
  });
});

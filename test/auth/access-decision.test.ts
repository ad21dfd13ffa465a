import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideAccess } from '../../src/auth/access-decision.js';
import type { AccessRule } from '../../src/auth/access-rule.js';
import type { Action, Plan, Resource } from '../../src/auth/plan.js';
import type { RoleBinding } from '../../src/auth/principal.js';
import { both } from '../../src/auth/standing.js';
import type { StreamPattern } from '../../src/core/filter.js';
import { namesStream } from '../../src/core/matcher.js';

const LOG: Resource = { kind: 'LOG' };
const stream = (aggregateType: string, aggregateId: string): Resource => ({
  kind: 'STREAM',
  stream: { aggregateType, aggregateId },
});
const type = (aggregateType: string): Resource => ({ kind: 'AGGREGATE_TYPE', aggregateType });

const plan = (
  action: Action,
  resources: readonly Resource[],
  bindings: readonly RoleBinding[],
  namespace = 'orders',
): Plan => ({ principal: { kind: 'USER', id: 'ada', bindings }, namespace, action, resources });

const clerk: RoleBinding = { role: 'clerk', scope: 'namespace' };
const rule = (parts: Partial<AccessRule>): AccessRule => ({
  name: 'one',
  roles: ['clerk'],
  actions: ['read', 'write'],
  ...parts,
});

describe('what is known of a caller from the call before', () => {
  const bindings = [clerk];
  const wanted = (namespace: string, action: Action = 'load') => plan(action, [LOG], bindings, namespace);

  it('is of these rules, this action and this namespace only', () => {
    const rules = [rule({ actions: ['load'], namespaces: ['orders'] })];
    expect(decideAccess(rules, wanted('orders')).verdict).toBe('ALLOW');
    expect(decideAccess(rules, wanted('stock')).verdict).toBe('DENY');
    expect(decideAccess(rules, wanted('orders', 'append')).verdict).toBe('DENY');
    expect(decideAccess([rule({ actions: ['append'] })], wanted('orders')).verdict).toBe('DENY');
    expect(decideAccess([], wanted('orders')).verdict).toBe('DENY');
    expect(decideAccess(rules, wanted('orders')).verdict).toBe('ALLOW');
  });

  it('is of these bindings only, whoever has them', () => {
    const rules = [rule({})];
    expect(decideAccess(rules, wanted('orders')).verdict).toBe('ALLOW');
    expect(decideAccess(rules, plan('load', [LOG], [{ ...clerk, role: 'guest' }])).verdict).toBe('DENY');
    expect(decideAccess(rules, plan('load', [LOG], [])).verdict).toBe('DENY');
  });

  it('stays right in more namespaces than are kept', () => {
    const rules = [rule({ namespaces: ['name-7', 'name-150'] })];
    for (let pass = 0; pass < 2; pass++)
      for (let number = 0; number < 200; number++)
        expect(decideAccess(rules, wanted(`name-${number}`)).verdict).toBe(
          number === 7 || number === 150 ? 'ALLOW' : 'DENY',
        );
  });
});

describe('without a rule that allows it', () => {
  it.each([
    ['nobody in particular', [rule({})], [], 'NO_BINDING'],
    ['an action that no rule names', [rule({ actions: ['append'] })], [clerk], 'NO_RULE'],
    ['no rules at all', [], [clerk], 'NO_RULE'],
    ['another role', [rule({ roles: ['boss'] })], [clerk], 'ROLE'],
    ['another scope', [rule({ scopes: ['system'] })], [clerk], 'ROLE'],
    ['another namespace', [rule({ namespaces: ['stock'] })], [clerk], 'NAMESPACE'],
    ['a binding for another namespace', [rule({})], [{ ...clerk, resource: 'stock' }], 'NAMESPACE'],
    ['another stream', [rule({ streams: [{ aggregateType: 'Other' }] })], [clerk], 'RESOURCE'],
  ] as const)('%s is refused, and why', (_, rules, bindings, because) => {
    const wanted = plan('load', [stream('Order', '1')], bindings);
    expect(decideAccess(rules, wanted)).toMatchObject({ verdict: 'DENY', because });
  });

  it('one of many things is enough to refuse them all', () => {
    const rules = [rule({ streams: [{ aggregateType: 'Order' }] })];
    const both = [stream('Order', '1'), stream('Secret', '1')];
    expect(decideAccess(rules, plan('append', both, [clerk]))).toMatchObject({
      verdict: 'DENY',
      because: 'RESOURCE',
      resource: both[1],
    });
  });

  it('a role named * is not any role: a rule says so, a binding cannot', () => {
    const anybody = rule({ roles: ['*'] });
    const star = { role: '*', scope: '*' };
    expect(decideAccess([rule({})], plan('load', [LOG], [star])).verdict).toBe('DENY');
    expect(decideAccess([anybody], plan('load', [LOG], [clerk])).verdict).toBe('ALLOW');
  });
});

describe('what a rule allows', () => {
  it.each([
    ['a group of actions', rule({ actions: ['read'] }), 'load', true],
    ['a group, and nothing beside it', rule({ actions: ['read'] }), 'append', false],
    ['a single action', rule({ actions: ['append'] }), 'append', true],
    ['everything', rule({ actions: ['*'] }), 'erase-stream', true],
    ['namespaces that begin so', rule({ namespaces: ['ord*'] }), 'load', true],
    ['namespaces that begin otherwise', rule({ namespaces: ['orders_*'] }), 'load', false],
  ] as const)('is %s', (_, allowing, action, allowed) => {
    const decision = decideAccess([allowing], plan(action, [stream('Order', '1')], [clerk]));
    expect(decision.verdict).toBe(allowed ? 'ALLOW' : 'DENY');
  });

  it('is an id that begins so, and not one that only begins alike', () => {
    const rules = [rule({ streams: [{ aggregateType: 'Order', aggregateIdPrefix: 'eu-' }] })];
    const allowed = (id: string) => decideAccess(rules, plan('load', [stream('Order', id)], [clerk])).verdict;
    expect(['eu-1', 'eu-', 'eu', 'us-eu-1', 'EU-1'].map(allowed)).toEqual([
      'ALLOW',
      'ALLOW',
      'DENY',
      'DENY',
      'DENY',
    ]);
  });

  it('is an aggregate for whom a binding is for it alone', () => {
    const rules = [rule({ bindingResource: 'AGGREGATE_ID', streams: [{ aggregateType: 'Customer' }] })];
    const own = { ...clerk, resource: '42' };
    const verdict = (resource: Resource) => decideAccess(rules, plan('load', [resource], [own])).verdict;
    expect([stream('Customer', '42'), stream('Customer', '421'), stream('Order', '42')].map(verdict)).toEqual(
      ['ALLOW', 'DENY', 'DENY'],
    );
  });

  it('is put together of several rules', () => {
    const rules = [
      rule({ name: 'orders', streams: [{ aggregateType: 'Order' }] }),
      rule({ name: 'stock', roles: ['keeper'], streams: [{ aggregateType: 'Stock' }] }),
    ];
    const wanted = plan(
      'append',
      [stream('Order', '1'), stream('Stock', '1')],
      [clerk, { ...clerk, role: 'keeper' }],
    );
    expect(decideAccess(rules, wanted)).toEqual({ verdict: 'ALLOW', rules: ['orders', 'stock'] });
  });
});

describe('a read of many streams', () => {
  const some: readonly StreamPattern[] = [
    { aggregateType: 'Order', aggregateIdPrefix: 'eu-' },
    { aggregateType: 'Stock' },
  ];

  it('of the log is narrowed to what may be seen', () => {
    expect(decideAccess([rule({ streams: some })], plan('load', [LOG], [clerk]))).toMatchObject({
      verdict: 'ALLOW',
      only: some,
    });
  });

  it('of types is narrowed to what may be seen of them, and refused where one of them may not be seen at all', () => {
    const rules = [rule({ streams: some })];
    const of = (...types: string[]) => decideAccess(rules, plan('subscribe', types.map(type), [clerk]));
    expect(of('Stock')).toEqual({ verdict: 'ALLOW', rules: ['one'] });
    expect(of('Order')).toMatchObject({ only: [{ aggregateType: 'Order', aggregateIdPrefix: 'eu-' }] });
    expect(of('Stock', 'Order')).toMatchObject({ only: [{ aggregateType: 'Stock' }, some[0]] });
    expect(of('Order', 'Stock')).toMatchObject({ only: [some[0], { aggregateType: 'Stock' }] });
    expect(of('Stock', 'Secret')).toMatchObject({ verdict: 'DENY' });
  });

  it('is not narrowed where some rule shows all', () => {
    const rules = [rule({ streams: some }), rule({ name: 'all' })];
    expect(decideAccess(rules, plan('load', [LOG], [clerk]))).not.toHaveProperty('only');
  });

  it('that cannot be narrowed is refused', () => {
    const rules = [rule({ actions: ['*'], streams: some })];
    expect(decideAccess(rules, plan('find-command', [LOG], [clerk]))).toMatchObject({
      because: 'NOT_NARROWED',
    });
    expect(decideAccess(rules, plan('append', [stream('Stock', '1'), LOG], [clerk]))).toMatchObject({
      because: 'NOT_NARROWED',
    });
  });

  it('tells of the log how long it is, which is no secret', () => {
    expect(decideAccess([rule({ streams: some })], plan('get-log', [LOG], [clerk]))).toEqual({
      verdict: 'ALLOW',
      rules: ['one'],
    });
  });
});

describe('what is about the service as a whole', () => {
  const admin = rule({ roles: ['admin'], actions: ['*'] });
  const everywhere: RoleBinding = { role: 'admin', scope: 'system' };
  const ofOrders: RoleBinding = { ...everywhere, resource: 'orders' };

  it('is not for who is bound to one namespace, or by a rule for some', () => {
    const verdict = (rules: readonly AccessRule[], binding: RoleBinding) =>
      decideAccess(rules, plan('create-token', [{ kind: 'SERVICE' }], [binding])).verdict;
    expect(verdict([admin], everywhere)).toBe('ALLOW');
    expect(verdict([admin], ofOrders)).toBe('DENY');
    expect(verdict([{ ...admin, namespaces: ['orders'] }], everywhere)).toBe('DENY');
  });

  it('a namespace is dropped by who is bound to that one, whichever the call was sent to', () => {
    const drop = (name: string, namespace: string) =>
      decideAccess([admin], plan('drop-namespace', [{ kind: 'NAMESPACE', name }], [ofOrders], namespace))
        .verdict;
    expect([drop('orders', 'stock'), drop('stock', 'orders')]).toEqual(['ALLOW', 'DENY']);
  });
});

describe('a rule with bounds', () => {
  const decide = (bounded: Partial<AccessRule>, action: Action, ...resources: Resource[]) =>
    decideAccess([rule({ actions: ['*'], ...bounded })], plan(action, resources, [clerk])).verdict;
  const orders = { streams: [{ aggregateType: 'Order' }] };
  const group: Resource = { kind: 'CONSUMER_GROUP', group: 'mail' };
  const command: Resource = { kind: 'COMMAND_TYPE', commandType: 'Ship' };

  it('for streams is good for nothing that may be about any stream', () => {
    expect([
      decide(orders, 'execute', command),
      decide(orders, 'load-projection', { kind: 'PROJECTION', projection: 'sums' }),
      decide(orders, 'delete-group', group),
      decide(orders, 'drop-namespace', { kind: 'NAMESPACE', name: 'orders' }),
      decide(orders, 'grant-role', { kind: 'SERVICE' }),
    ]).toEqual(['DENY', 'DENY', 'DENY', 'DENY', 'DENY']);
  });

  it('for streams is good for what says of which streams it is', () => {
    expect(decide(orders, 'consume', group, type('Order'))).toBe('ALLOW');
    expect(decide(orders, 'consume', group, type('Secret'))).toBe('DENY');
    expect(decide(orders, 'handle-commands', command, type('Order'))).toBe('ALLOW');
    expect(decide(orders, 'handle-commands', command, LOG)).toBe('DENY');
  });

  it('for names is good for those, and for no list of all', () => {
    const mail = { names: ['mail'] };
    expect([
      decide(mail, 'delete-group', group),
      decide(mail, 'list-groups', LOG),
      decide(mail, 'drop-namespace', { kind: 'NAMESPACE', name: 'orders' }),
      decide(mail, 'grant-role', { kind: 'SERVICE' }),
      decide(mail, 'load', LOG),
    ]).toEqual(['ALLOW', 'DENY', 'DENY', 'DENY', 'ALLOW']);
  });
});

it('a plan without resources asks whether anything of its kind is allowed at all', () => {
  const rules = [rule({ actions: ['append'], streams: [{ aggregateType: 'Order' }] })];
  expect(decideAccess(rules, plan('append', [], [clerk])).verdict).toBe('ALLOW');
  expect(decideAccess(rules, plan('load', [], [clerk])).verdict).toBe('DENY');
  expect(decideAccess(rules, plan('append', [], [])).verdict).toBe('DENY');
});

it('the streams that two patterns name are those that both name', () => {
  const text = fc.constantFrom('', 'a', 'ab', 'b', 'é');
  const named = fc.constantFrom('a', 'ab', 'abc', 'b', 'é');
  const pattern: fc.Arbitrary<StreamPattern> = fc.oneof(
    fc.record({ aggregateType: named, aggregateId: named }, { requiredKeys: [] }),
    fc.record({ aggregateType: named, aggregateIdPrefix: named }, { requiredKeys: [] }),
  );
  fc.assert(
    fc.property(
      pattern,
      pattern,
      named,
      text.map((end) => `a${end}`),
      (one, other, aggregateType, aggregateId) => {
        const of = { aggregateType, aggregateId };
        const common = both(one, other);
        expect(common !== undefined && namesStream(common, of)).toBe(
          namesStream(one, of) && namesStream(other, of),
        );
      },
    ),
    { numRuns: 5000 },
  );
});

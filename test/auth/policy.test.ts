import { describe, expect, it } from 'vitest';
import { Policy, policy } from '../../src/auth/policy.js';
import { ANONYMOUS, bindingsOf } from '../../src/auth/principal.js';
import { commandVerdicts } from '../../src/commands/command-verdicts.js';

const bytes = (text: string) => new TextEncoder().encode(text);
const json = (value: unknown) => ({ kind: 'JSON', bytes: bytes(JSON.stringify(value)) }) as const;

describe('a policy', () => {
  it('never changes: each with… gives a new one', () => {
    const teller = policy().withRole('teller');
    const more = teller.withRole('clerk').withScope('branch').withResource('branchId');
    expect(String(policy())).toBe('* in *');
    expect(String(teller)).toBe('teller in *');
    expect(String(more)).toBe('teller|clerk in branch on branchId');
    expect(Object.isFrozen(more) && Object.isFrozen(more.roles)).toBe(true);
    expect(() => (more.roles as string[]).push('x')).toThrow(TypeError);
  });

  it('accepts the roles and scopes that it names, and with * or none all', () => {
    const one = new Policy({ roles: ['teller'], scopes: ['branch', '*'] });
    expect([one.acceptsRole('teller'), one.acceptsRole('clerk'), one.acceptsScope('anything')]).toEqual([
      true,
      false,
      true,
    ]);
    expect([policy().acceptsRole('x'), policy().withRole('*').acceptsRole('x')]).toEqual([true, true]);
    // Of whom it is said that they are anything it is not known what they are.
    expect(one.acceptsRole('*')).toBe(false);
  });

  it('refuses empty names', () => {
    for (const mistake of [
      () => policy().withRole(''),
      () => policy().withScope(''),
      () => policy().withResource(''),
    ])
      expect(mistake).toThrow(TypeError);
  });

  it('says what speaks against a binding', () => {
    const teller = policy().withRole('teller').withScope('branch');
    const verdict = (role: string, scope: string, resource?: string) =>
      teller.verdict({ role, scope, ...(resource === undefined ? {} : { resource }) }, 'b-1');
    expect(verdict('teller', 'branch')).toBe('ALLOWS');
    expect(verdict('clerk', 'branch')).toBe('ROLE');
    expect(verdict('teller', 'system')).toBe('SCOPE');
    expect(verdict('teller', 'branch', 'b-2')).toBe('RESOURCE');
    expect(verdict('teller', 'branch', 'b-1')).toBe('ALLOWS');
    expect(verdict('teller', 'branch', '*')).toBe('ALLOWS');
  });
});

describe('a binding for one resource', () => {
  const own = { role: 'admin', scope: 'tenant', resource: 't-1' };
  const allowed = (one: Policy, data: Parameters<typeof commandVerdicts>[2]['data'], aggregateId?: string) =>
    commandVerdicts([one], [own], { data, ...(aggregateId ? { aggregateId } : {}) }).map(
      ({ allows }) => allows,
    );

  it('reaches its aggregate, or what the field of the data names', () => {
    const byId = policy().withRole('admin').withScope('tenant');
    expect(allowed(byId, json({}), 't-1')).toEqual([true]);
    expect(allowed(byId, json({}), 't-2')).toEqual([false]);
    const byField = byId.withResource('tenant.id');
    expect(allowed(byField, json({ tenant: { id: 't-1' } }), 't-2')).toEqual([true]);
    expect(allowed(byField, json({ tenant: { id: 't-2' } }), 't-1')).toEqual([false]);
  });

  it('does not reach what is not said', () => {
    const byId = policy();
    const byField = policy().withResource('constructor.name');
    expect(allowed(byId, json({}))).toEqual([false]);
    for (const data of [
      json({}),
      json({ constructor: { name: { toString: 't-1' } } }),
      json(['t-1']),
      { kind: 'JSON', bytes: bytes('{') } as const,
      { kind: 'MESSAGE', typeName: 'acme.Tenant', bytes: bytes('t-1') } as const,
    ])
      expect(allowed(byField, data, 't-1')).toEqual([false]);
  });
});

describe('nobody in particular', () => {
  it('has no bindings', () => {
    expect(bindingsOf(ANONYMOUS)).toEqual([]);
  });
});

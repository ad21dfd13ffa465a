import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { domain } from '../../examples/registration/domain.js';
import { user } from '../../examples/registration/user.js';
import { emailTag, userEvents } from '../../examples/registration/user-events.js';
import { commandOf } from '../../src/index.js';
import { given, type GivenElsewhere, loaded } from '../../src/testing/index.js';
import { HOSTS, refusalOf, type RunningDomain, userWith } from './domain-hosts.js';

const website = userWith('the-website', 'website in registration');
const support = userWith('sue', 'support in registration');
const stranger = userWith('mallory', 'website in elsewhere');

describe('a user of the registration example', () => {
  const registered = (email: string) =>
    userEvents.encode('UserRegistered', { email }, { tags: [emailTag(email)] });
  const moved = (from: string, to: string) =>
    userEvents.encode('EmailChanged', { from, to }, { tags: [emailTag(from), emailTag(to)] });
  const other = (...events: GivenElsewhere['events']): GivenElsewhere => ({
    stream: { aggregateType: 'User', aggregateId: 'other' },
    events,
  });

  it('registers with an address that nobody has', () =>
    given(user)
      .elsewhere(other(registered('bob@example.org')))
      .when('RegisterUser', { email: 'Ada@example.org' })
      .then(registered('Ada@example.org')));

  it('is refused with an address that somebody has, in whatever case', () =>
    given(user)
      .elsewhere(other(registered('ada@example.org')))
      .when('RegisterUser', { email: 'ADA@Example.org' })
      .thenRejected('EMAIL_TAKEN'));

  it('registers with an address that somebody has given up', () =>
    given(user)
      .elsewhere(other(registered('ada@example.org'), moved('ada@example.org', 'ada@example.com')))
      .when('RegisterUser', { email: 'ada@example.org' })
      .then(registered('ada@example.org')));

  it('is refused with an address that somebody has moved to', () =>
    given(user)
      .elsewhere(other(registered('ada@example.org'), moved('ada@example.org', 'ada@example.com')))
      .when('RegisterUser', { email: 'ada@example.com' })
      .thenRejected('EMAIL_TAKEN'));

  it('may change the case of the own address, and bears one tag for it', () =>
    given(user, registered('ada@example.org'))
      .when('ChangeEmail', { email: 'Ada@example.org' })
      .then(
        userEvents.encode(
          'EmailChanged',
          { from: 'ada@example.org', to: 'Ada@example.org' },
          { tags: ['email:ada@example.org'] },
        ),
      ));

  it('changes nothing by changing to the same address', () =>
    given(user, registered('ada@example.org')).when('ChangeEmail', { email: 'ada@example.org' }).then());

  it('cannot register with what is no address', () =>
    given(user).when('RegisterUser', { email: 'ada' }).thenFails('INVALID_REQUEST'));
});

describe.each(HOSTS)('registration, $host', ({ run }) => {
  let host: RunningDomain;
  beforeAll(async () => {
    host = await run({ name: 'registration', domain });
  });
  afterAll(() => host.close());

  const register = (email: string, principal = website) =>
    host.send(principal, commandOf(user, 'RegisterUser', { email }));

  it('gives an address to one of several who want it at the same moment', async () => {
    const wanted = ['ada@example.org', 'Ada@example.org', 'ADA@example.org', 'ada@EXAMPLE.org'];
    const outcomes = await Promise.all(wanted.map((email) => refusalOf(register(email))));
    expect(outcomes.toSorted()).toEqual([
      'ALREADY_EXISTS EMAIL_TAKEN',
      'ALREADY_EXISTS EMAIL_TAKEN',
      'ALREADY_EXISTS EMAIL_TAKEN',
      'done: User is at version 1',
    ]);
    const filters = [{ tags: [emailTag('ada@example.org')] }];
    const events = await loaded(host.store, { filters });
    expect(events.map(({ eventType, version }) => [eventType, version])).toEqual([['UserRegistered', 1n]]);
  });

  it('does not make those wait for each other who want different addresses', async () => {
    const wanted = Array.from({ length: 20 }, (_, index) => `one-${index}@example.org`);
    const outcomes = await Promise.all(wanted.map((email) => refusalOf(register(email))));
    expect(new Set(outcomes)).toEqual(new Set(['done: User is at version 1']));
  });

  it('says which address is taken', async () => {
    await register('eve@example.org');
    await expect(register('Eve@example.org')).rejects.toMatchObject({
      domainReason: 'EMAIL_TAKEN',
      facts: { email: 'Eve@example.org' },
    });
  });

  it('frees an address that is given up', async () => {
    const { aggregate } = await register('grace@example.org');
    const change = (email: string, principal = support) =>
      host.send(principal, commandOf(user, 'ChangeEmail', { email }, { aggregateId: aggregate.aggregateId }));
    expect(await refusalOf(change('hopper@example.org', website))).toBe('POLICY_DENIED');
    expect(await refusalOf(change('hopper@example.org'))).toBe('done: User is at version 2');
    expect(await refusalOf(register('hopper@example.org'))).toBe('ALREADY_EXISTS EMAIL_TAKEN');
    expect(await refusalOf(register('grace@example.org'))).toBe('done: User is at version 1');
    expect(await refusalOf(change('grace@example.org'))).toBe('ALREADY_EXISTS EMAIL_TAKEN');
  });

  it('is closed to those whom no policy lets in', async () => {
    expect(await refusalOf(register('mallory@example.org', stranger))).toBe('POLICY_DENIED');
  });

  it('answers a registration that is sent again as the first time', async () => {
    const command = commandOf(
      user,
      'RegisterUser',
      { email: 'twice@example.org' },
      { commandId: 'form-4711' },
    );
    const first = await host.send(website, command);
    const again = await host.send(website, command);
    expect(again).toEqual({ ...first, deduplicated: true });
    const other = commandOf(
      user,
      'RegisterUser',
      { email: 'thrice@example.org' },
      { commandId: 'form-4711' },
    );
    expect(await refusalOf(host.send(website, other))).toBe('COMMAND_ID_REUSED');
  });
});

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { headwater, type RunningService, serve, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';

const namespace = newSchemaName();
let service: RunningService;
const run = (...args: readonly string[]) => headwater([...args, '--address', service.address]);
const ID = '0190a000-0000-7000-8000-00000000c00';
const json = async (...args: readonly string[]) =>
  JSON.parse((await run(...args, '--json')).stdout) as Record<string, unknown>;

/** A stream with so many events. */
async function fill(stream: string, events: number): Promise<void> {
  const input = Array.from({ length: events }, (_, n) =>
    JSON.stringify({ stream, event_type: 'Counted', data: { n: n + 1 }, tags: [`of:${stream}`] }),
  ).join('\n');
  const { code } = await headwater(['append', '--file', '-', '--address', service.address], { input });
  expect(code).toBe(0);
}

async function versionsOf(stream: string): Promise<readonly string[]> {
  const { stdout } = await run('load', '--stream', stream, '--ndjson');
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .map(({ version, erased }) => `${String(version)}${erased === true ? ' erased' : ''}`);
}

beforeAll(async () => {
  service = await serve(['--namespace', namespace], urlOf(inject('connection')));
  await fill('Kept/1', 4);
});
afterAll(async () => {
  await service.kill('SIGTERM');
  const database = openDatabase();
  await database.query('append', `DROP SCHEMA "${namespace}" CASCADE`, []);
  await database.close();
});

describe('delete and restore', () => {
  it('hide a stream and show it again, with who did it', async () => {
    await fill('Account/1', 2);
    const { code, stdout, stderr } = await run('delete', 'Account', '1', '--metadata', 'actor=ada');
    expect(code).toBe(0);
    expect(stderr).toBe('Account/1 is at version 2\n');
    expect(stdout).toMatch(/Account\/1 +deleted +3 +\d+ /);
    expect((await run('load', '--stream', 'Account/1')).code).toBe(4);
    expect((await run('load', '--stream', 'Account/1', '--include-deleted')).stdout).toContain('Counted');
    expect((await run('append', 'Account/1', 'More')).code).toBe(4);
    const log = await run('load', '--event-type', '$stream-deleted', '--json');
    expect(JSON.parse(log.stdout)).toMatchObject([{ metadata: { actor: 'ada' } }]);
    expect(await json('restore', 'Account/1', '--expected-version', '3')).toMatchObject({ version: '4' });
    expect(await versionsOf('Account/1')).toEqual(['1', '2', '3', '4']);
  });

  it('are made once when repeated with the same event id', async () => {
    await fill('Account/2', 1);
    const again = ['delete', 'Account', '2', '--event-id', `${ID}1`] as const;
    expect(await json(...again)).toMatchObject({ version: '2', deduplicated: false });
    expect(await json(...again)).toMatchObject({ version: '2', deduplicated: true });
    expect((await run(...again)).stdout).toContain('was done already');
  });

  it('are refused with the code and reason of the service', async () => {
    await fill('Account/3', 2);
    const wrong = await run('delete', 'Account', '3', '--expected-version', '1');
    expect(wrong.code).toBe(3);
    expect(wrong.stderr).toContain(
      'Stream Account 3 is at version 2, expected 1\n(WRONG_EXPECTED_VERSION, NOT_APPLIED)',
    );
    const nothing = await run('restore', 'Account', '3', '--expected-version', 'exists');
    expect(nothing.code).toBe(3);
    expect(nothing.stderr).toContain('STREAM_NOT_DELETED');
    expect((await run('delete', 'Account', 'never')).code).toBe(4);
    expect((await run('delete', 'Account', '3', '--expected-version', 'any')).code).toBe(0);
  });

  it.each([
    [['delete', 'Account', '3', '--expected-version', '0'], 'write a version from 1, exists or any'],
    [['delete', 'Account', '3', '--expected-version', 'no-stream'], 'write a version from 1, exists or any'],
    [['delete', 'Account', '3', '--metadata', 'ada'], 'write key=value'],
    [['delete', 'Account', '3', '--event-id', 'x'], 'is "x", which is not a UUID'],
    [['delete', 'Account'], 'name the id too'],
    [['truncate', 'Account', '3'], "required option '--before <version>' not specified"],
    [['truncate', 'Account', '3', '--before', '1'], 'would empty nothing'],
    [['truncate', 'Account', '1', '--before', '99', '--yes'], 'before_version'],
    [['retention', 'Account', '3'], 'Say --max-age, --max-count or --clear'],
    [['retention', 'Account', '3', '--clear', '--max-count', '1'], 'no limit can stand beside it'],
    [['retention', 'Account', '3', '--max-age', '30'], 'is no duration: write 90s'],
    [['erase', 'Account', '3', '--versions', '5-3'], 'write 3-5'],
    [['erase', 'Account', '1', '--versions', '99', '--yes'], 'versions'],
  ])('end with 2 and say what is wrong: %j', async (args, message) => {
    const { code, stderr } = await run(...args);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});

describe('what cannot be undone', () => {
  it.each([
    [['truncate', 'Kept', '1', '--before', '3'], 'will lose 2 events, all below version 3, for good'],
    [['retention', 'Kept', '1', '--max-count', '1'], 'will keep 1 event; 3 events of those there are'],
    [
      ['erase', 'Kept', '1', '--versions', '1-2,4'],
      'will lose what is in 3 events, version 1-2, 4, for good',
    ],
    [['erase', 'Kept', '1'], 'will be deleted, and lose what is in its 4 events, for good'],
  ])('is not done without a terminal or with --json: %j', async (args, loss) => {
    for (const more of [[], ['--json']]) {
      const { code, stderr, stdout } = await run(...args, ...more);
      expect(code).toBe(6);
      expect(stdout).toBe('');
      expect(stderr).toContain(`Kept/1 ${loss}`);
      expect(stderr).toContain('add --yes to go on');
    }
    expect(await versionsOf('Kept/1')).toEqual(['1', '2', '3', '4']);
  });

  it('truncates with --yes, and says that copies stay', async () => {
    await fill('Cut/1', 4);
    const { code, stdout } = await run('truncate', 'Cut', '1', '--before', '3', '--yes');
    expect(code).toBe(0);
    expect(stdout).toContain('It shows what is from version 3 on (2 events less)');
    expect(stdout).toContain('Backups, and relays');
    expect(await versionsOf('Cut/1')).toEqual(['3', '4', '5']);
    expect(await json('stream', 'Cut/1')).toMatchObject({ version: '5', first_version: '3' });
    const less = await run('truncate', 'Cut', '1', '--before', '2', '--yes');
    expect(less.stdout).toContain('It shows what is from version 3 on (0 events less)');
  });

  it('sets what a stream keeps, and lifts it without asking', async () => {
    await fill('Session/1', 4);
    const { stdout } = await run(
      'retention',
      'Session',
      '1',
      '--max-age',
      '30d',
      '--max-count',
      '2',
      '--yes',
    );
    expect(stdout).toContain('keeps 30d, 2 events');
    expect(await versionsOf('Session/1')).toEqual(['3', '4', '5']);
    expect(await json('stream', 'Session/1')).toMatchObject({
      retention: { max_age_microseconds: '2592000000000', max_count: '2' },
    });
    expect((await run('streams', 'Session')).stdout).toContain('30d, 2 events');
    expect((await run('retention', 'Session', '1', '--clear')).code).toBe(0);
    expect((await run('stream', 'Session', '1')).stdout).toContain('keeps    everything');
  });

  it('erases some events, which are shown as erased, and then the stream', async () => {
    await fill('Person/1', 4);
    const some = await run(
      'erase',
      'Person',
      '1',
      '--versions',
      '1-2,4',
      '--yes',
      '--metadata',
      'reason=asked',
    );
    expect(some.stdout).toContain('Emptied 3 events');
    expect(await versionsOf('Person/1')).toEqual(['1 erased', '2 erased', '3', '4 erased', '5']);
    expect((await run('load', '--stream', 'Person/1')).stdout.match(/\(erased\)/g)).toHaveLength(3);
    const stream = await run('erase', 'Person', '1');
    expect(stream.stderr).toContain('will be deleted, and lose what is in its 1 event, for good');
    expect(await json('erase', 'Person', '1', '--yes')).toMatchObject({ version: '6' });
    expect((await run('load', '--stream', 'Person/1')).code).toBe(4);
    const { stdout } = await run('load', '--tag', 'of:Person/1', '--ndjson');
    expect(stdout).toBe('');
  });

  it('an erased event is not appended elsewhere as an empty one', async () => {
    await fill('Copy/1', 1);
    await run('erase', 'Copy', '1', '--versions', '1', '--yes');
    const { stdout: input } = await run('load', '--stream', 'Copy/1', '--ndjson', '--limit', '1');
    const { code, stderr } = await headwater(['append', '--file', '-', '--address', service.address], {
      input,
    });
    expect(code).toBe(2);
    expect(stderr).toContain('Line 1: the event was erased');
  });
});

describe('append', () => {
  it('with a condition is refused if a matching event came, also line by line', async () => {
    await run('append', 'Name/1', 'Taken', '--tag', 'name:ada');
    const condition = '{"items":[{"event_types":["Taken"],"tags":["name:ada"]}]}';
    const refused = await run('append', 'Name/2', 'Taken', '--condition', condition);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain('APPEND_CONDITION_FAILED, NOT_APPLIED');
    const input = JSON.stringify({
      stream: 'Name/2',
      event_type: 'Taken',
      condition: JSON.parse(condition) as unknown,
    });
    const line = await headwater(['append', '--file', '-', '--address', service.address], { input });
    expect(line.code).toBe(3);
    expect(line.stderr).toContain('Line 1: The append condition does not hold');
    const other = condition.replace('ada', 'eve');
    expect((await run('append', 'Name/2', 'Taken', '--condition', other)).code).toBe(0);
    const both = await run('append', '--file', '-', '--condition', condition);
    expect(both.code).toBe(2);
  });

  it('shows what came between when it is refused', async () => {
    await fill('Between/1', 3);
    const told = await run('append', 'Between/1', 'Late', '--expect', '1', '--show-intervening');
    expect(told.code).toBe(3);
    expect(told.stdout.trim().split('\n')).toHaveLength(3);
    expect(told.stderr).toContain('is at version 3, expected 1');
    const listed = await json('append', 'Between/1', 'Late', '--expect', '1', '--show-intervening');
    expect(listed).toMatchObject({
      refused: true,
      conflicts: [{ expected: '1', actual: '3' }],
      intervening: [{ version: '2' }, { version: '3' }],
      truncated: false,
    });
    expect((await run('append', 'Between/1', 'Good', '--expect', '3', '--show-intervening')).code).toBe(0);
  });
});

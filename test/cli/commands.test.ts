import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { headwater, type RunningService, serve, urlOf } from '../support/headwater.js';
import { newSchemaName, openDatabase } from '../support/test-database.js';

const schema = newSchemaName();
let service: RunningService;
const run = (args: readonly string[], input?: string) =>
  headwater([...args, '--address', service.address], input === undefined ? {} : { input });
const lines = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

beforeAll(async () => {
  service = await serve(['--namespace', schema], urlOf(inject('connection')));
});
afterAll(async () => {
  await service.kill('SIGTERM');
  const database = openDatabase();
  await database.query('append', `DROP SCHEMA "${schema}" CASCADE`, []);
  await database.close();
});

describe('append with arguments', () => {
  it('appends one event and prints where it is', async () => {
    const { code, stdout } = await run([
      'append',
      'Account/1',
      'Opened',
      '{"owner":"ada"}',
      '--expect',
      'no-stream',
      '--tag',
      'owner:ada',
      '--tag',
      'kind:x',
      '--meta',
      'who=me',
      '--id',
      '0190a000-0000-7000-8000-00000000c001',
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain('Account/1');
    const { stdout: loaded } = await run(['load', '--stream', 'Account/1', '--ndjson']);
    expect(lines(loaded)).toMatchObject([
      {
        stream: { aggregate_type: 'Account', aggregate_id: '1' },
        version: '1',
        event_id: '0190a000-0000-7000-8000-00000000c001',
        event_type: 'Opened',
        data: { owner: 'ada' },
        content_type: 'application/json',
        metadata: { who: 'me' },
        tags: ['owner:ada', 'kind:x'],
      },
    ]);
  });

  it('says that it was a repeat when it is repeated with the same id', async () => {
    const { code, stdout } = await run([
      'append',
      'Account/1',
      'Opened',
      '{"owner":"ada"}',
      '--expect',
      'no-stream',
      '--id',
      '0190a000-0000-7000-8000-00000000c001',
      '--json',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ deduplicated: true, first_position: '1' });
  });

  it('ends with 3 and names both versions on a conflict', async () => {
    const { code, stderr } = await run(['append', 'Account/1', 'Opened', '{}', '--expect', '7']);
    expect(code).toBe(3);
    expect(stderr).toContain('Stream Account 1 is at version 1, expected 7');
    expect(stderr).toContain('WRONG_EXPECTED_VERSION, NOT_APPLIED');
  });

  it.each([
    [['append', 'Account', 'Opened'], 'names no stream'],
    [['append', 'Account/1'], 'Give a stream and an event type'],
    [['append', 'Account/1', 'Opened', '{'], 'is not JSON'],
    [['append', 'Account/1', 'Opened', '{}', '--expect', '0'], 'Expected version "0" is none'],
    [['append', 'Account/1', 'Opened', '{}', '--meta', 'x'], 'write key=value'],
    [['append', 'Account/1', 'Opened', '{}', '--id', 'x'], 'not a UUID'],
    [['append', '$x/1', 'Opened', '{}'], 'reserved'],
    [['load', '--limit', 'many'], 'whole number'],
    [['load', '--limit', '0'], 'whole number from 1'],
    [['load', '--address', 'http://127.0.0.1:50051'], 'without http://'],
    [['load', '--stream', 'Account'], 'names no stream'],
    [['load', '--from-time', 'yesterday'], 'is no time'],
    [['load', '--filter', '{"colour":1}'], 'it may have event_types'],
    [['load', '--nothing'], "unknown option '--nothing'"],
    [['tail', '--after', 'x'], 'is no position'],
    [['tail', '--from-start', '--since', '1h'], 'only one can stand'],
  ])('ends with 2 and says what is wrong: %j', async (args, message) => {
    const { code, stderr } = await run(args);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});

describe('append from a file', () => {
  it('appends each line, several streams at once too, and says how many', async () => {
    const input = [
      { stream: 'Import/a', event_type: 'First', data: { n: 1 } },
      {
        streams: [
          { stream: 'Import/a', expected_version: 1, events: [{ event_type: 'Second', data: { n: 2 } }] },
          {
            stream: { aggregate_type: 'Import', aggregate_id: 'b' },
            expected_version: 'no-stream',
            events: [{ event_type: 'Raw', data_base64: 'AP8=' }],
          },
        ],
      },
    ]
      .map((line) => JSON.stringify(line))
      .join('\n');
    const { code, stdout } = await run(['append', '--file', '-', '--json'], `${input}\n\n`);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ lines: 2, events: 3, repeated: 0 });
    const { stdout: loaded } = await run(['load', '--aggregate-type', 'Import', '--ndjson']);
    expect(
      lines(loaded).map(({ event_type, data, data_base64 }) => [event_type, data ?? data_base64]),
    ).toEqual([
      ['First', { n: 1 }],
      ['Second', { n: 2 }],
      ['Raw', 'AP8='],
    ]);
  });

  it('takes back what load printed, and adds nothing', async () => {
    const { stdout: loaded } = await run(['load', '--stream', 'Account/1', '--ndjson']);
    const { code, stdout } = await run(['append', '--file', '-'], loaded);
    expect(code).toBe(0);
    expect(stdout).toContain('Appended 0 events of 1 lines; 1 lines were in the log already');
  });

  it('names the line that failed, with the exit code of why, and exactly which lines are in the log', async () => {
    const many = Array.from({ length: 600 }, (_, index) => ({
      stream: `Many/${index}`,
      event_type: 'A',
      data: index,
    }));
    await run(['append', 'Many/300', 'Taken']);
    const guarded = many.map((line) => ({ ...line, expected_version: 'no-stream' }));
    const input = guarded.map((line) => JSON.stringify(line)).join('\n');
    const { code, stderr } = await run(['append', '--file', '-'], input);
    expect(code).toBe(3);
    expect(stderr).toContain('Line 301: Stream Many 300 is at version 1, expected NO_STREAM');
    expect(stderr).toContain('300 lines before it are in the log');
    const { stdout } = await run(['load', '--aggregate-type', 'Many', '--event-type', 'A', '--ndjson']);
    const inLog = lines(stdout).map(({ data }) => Number(data) + 1);
    const [, count = '0', first, last] = /so are (\d+) lines behind it .*: (\d+) to (\d+)/.exec(stderr) ?? [];
    expect(inLog).toHaveLength(300 + Number(count));
    expect(inLog.slice(0, 300)).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
    if (count !== '0') expect([inLog[300], inLog.at(-1)]).toEqual([Number(first), Number(last)]);
  });

  it('keeps the lines before one that is malformed, and says so', async () => {
    const good = Array.from({ length: 500 }, (_, index) =>
      JSON.stringify({ stream: `Good/${index}`, event_type: 'G' }),
    );
    const { code, stderr } = await run(['append', '--file', '-'], [...good, '{oops', ...good].join('\n'));
    expect(code).toBe(2);
    expect(stderr).toMatch(/Line 501: .*JSON/);
    expect(stderr).toContain('500 lines before it are in the log');
    const { stdout } = await run(['load', '--aggregate-type', 'Good', '--ndjson']);
    expect(lines(stdout)).toHaveLength(500);
  });

  it.each([
    ['{"stream":"M/1","event_type":"A","dat":{}}', '"dat"'],
    ['{"stream":"M/1","event_type":"A","expectd_version":1}', '"expectd_version"'],
    ['{"streams":[{"stream":"M/1","expected":1,"events":[]}]}', '"expected"'],
    ['{"streams":[{"stream":"M/1","events":[{"event_type":"A","tag":"x"}]}]}', '"tag"'],
  ])('refuses a misspelt key: %s', async (line, key) => {
    const { code, stderr } = await run(['append', '--file', '-'], line);
    expect(code).toBe(2);
    expect(stderr).toContain(`has ${key}; it may have`);
  });

  it('says so when the file is not there', async () => {
    const { code, stderr } = await run(['append', '--file', 'not-there.ndjson']);
    expect(code).toBe(2);
    expect(stderr).toContain('not-there.ndjson cannot be read');
  });
});

describe('load', () => {
  it('prints a table, a list or lines', async () => {
    expect((await run(['load', '--stream', 'Account/1'])).stdout).toMatch(/^position +recorded at +stream/);
    expect(JSON.parse((await run(['load', '--stream', 'Account/1', '--json'])).stdout)).toHaveLength(1);
    expect((await run(['load', '--tag', 'no:such'])).stdout).toBe('No events match\n');
    expect(JSON.parse((await run(['load', '--tag', 'no:such', '--json'])).stdout)).toEqual([]);
  });

  it('takes every filter', async () => {
    const types = async (...args: string[]) =>
      lines((await run(['load', '--ndjson', ...args])).stdout).map(({ event_type }) => event_type);
    expect(await types('--aggregate-type', 'Import', '--aggregate-type', 'Account', '--limit', '2')).toEqual([
      'Opened',
      'First',
    ]);
    expect(await types('--stream', 'Import/a', '--stream', 'Import/b', '--backwards')).toEqual([
      'Raw',
      'Second',
      'First',
    ]);
    expect(await types('--event-type', 'First', '--event-type', 'Raw')).toEqual(['First', 'Raw']);
    expect(await types('--tag', 'owner:ada', '--tag', 'kind:x')).toEqual(['Opened']);
    expect(await types('--stream', 'Import/a', '--from-version', '2')).toEqual(['Second']);
    expect(await types('--from-position', '2', '--to-position', '3')).toEqual(['First', 'Second']);
    expect(await types('--from-time', '1h', '--to-time', '2999-01-01T00:00:00Z', '--limit', '1')).toEqual([
      'Opened',
    ]);
    expect(await types('--to-time', '2001-01-01T00:00:00Z')).toEqual([]);
    expect(
      await types('--filter', '{"event_types":["Raw"]}', '--filter', '{"positions":{"last":1}}'),
    ).toEqual(['Opened', 'Raw']);
  });

  it('ends with 4 for a stream that never was', async () => {
    const { code, stderr } = await run(['load', '--stream', 'Account/never']);
    expect(code).toBe(4);
    expect(stderr).toContain('Stream Account never does not exist');
  });

  it('ends with 5 and says how to start a service when there is none', async () => {
    const { code, stderr } = await headwater(['load', '--address', '127.0.0.1:1']);
    expect(code).toBe(5);
    expect(stderr).toContain('headwater serve');
  }, 30_000);
});

describe('tail', () => {
  it('follows from the start and ends after --limit events', async () => {
    const { code, stdout, stderr } = await run([
      'tail',
      '--from-start',
      '--limit',
      '3',
      '--ndjson',
      '--progress',
    ]);
    expect(code).toBe(0);
    expect(lines(stdout).map(({ position }) => position)).toEqual(['1', '2', '3']);
    expect(stderr).toMatch(/position \d+@1/);
  });

  it('sees what is appended while it runs, and goes on behind a position', async () => {
    const live = run(['tail', '--event-type', 'Live', '--limit', '2', '--ndjson', '--after', '1@1']);
    for (let index = 0; index < 2; index++) await run(['append', 'Live/1', 'Live', `{"n":${index}}`]);
    expect(lines((await live).stdout).map(({ data }) => data)).toEqual([{ n: 0 }, { n: 1 }]);
  });
});

describe('the command line', () => {
  it.each(
    (
      'serve migrate append load tail count streams stream types log delete restore truncate retention erase ' +
      'namespace tour config'
    ).split(' '),
  )('has help with examples for %s', async (command) => {
    const { code, stdout } = await headwater([command, '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Examples?:\n {2}headwater|Examples?:\n {2}\w+=\S+ headwater/);
  });

  it('has help of its own, a version, and suggests the command that was meant', async () => {
    expect((await headwater(['--help'])).stdout).toContain('Exit codes');
    expect((await headwater(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const { code, stderr } = await headwater(['laod']);
    expect(code).toBe(2);
    expect(stderr).toContain('Did you mean load?');
  });
});

import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../src/config.js';
import { headwater } from '../support/headwater.js';

let folder: string;
beforeAll(() => {
  const scratch = path.resolve(import.meta.dirname, '../../.headwater-test');
  mkdirSync(scratch, { recursive: true });
  folder = mkdtempSync(path.join(scratch, 'config-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (content: string) => {
  const name = path.join(folder, `${Math.random()}.json`);
  writeFileSync(name, content);
  return name;
};

describe('the configuration', () => {
  it('takes a flag before a variable, that before the file, that before the default', () => {
    const { config, sources } = loadConfig(
      { grpcPort: '1' },
      file('{"grpcPort": 3, "httpPort": 3, "namespace": "from_file"}'),
      { HEADWATER_GRPC_PORT: '2', HEADWATER_HTTP_PORT: '2', HEADWATER_LOG_LEVEL: '' },
    );
    expect(config).toMatchObject({ grpcPort: 1, httpPort: 2, namespace: 'from_file', logLevel: 'info' });
    expect(sources).toMatchObject({
      grpcPort: 'flag',
      httpPort: 'environment',
      namespace: 'file',
      logLevel: 'default',
    });
  });

  it.each([
    [{ grpcPort: 'x' }, '--grpc-port "x" must be a whole number from 0 to 65535'],
    [{ namespace: 'Upper' }, 'must be a lower-case letter'],
    [{ databaseUrl: 'mysql://secret@x' }, 'must begin with postgres://'],
    [{ logLevel: 'loud' }, '--log-level "loud" must be debug, info, warn, error or silent'],
    [{ grpcHost: '' }, '--grpc-host "" must not be empty'],
  ])('refuses %j and names it', (flags, message) => {
    expect(() => loadConfig(flags, undefined, {})).toThrow(ConfigError);
    expect(() => loadConfig(flags, undefined, {})).toThrow(message);
  });

  it('does not show a URL, which may hold a password', () => {
    expect(() => loadConfig({ databaseUrl: 'mysql://u:secret@x' }, undefined, {})).toThrow(/^(?!.*secret)/);
  });

  it.each([
    ['{', 'is not JSON'],
    ['[]', 'must hold one JSON object'],
    ['{"port": 1}', '"port", which is no setting; those are databaseUrl'],
    ['{"grpcPort": "x"}', '"grpcPort" in'],
    ['{"databaseUrl": 5}', 'must begin with postgres://'],
    ['{"data": 5}', '5 must be text'],
  ])('refuses the file %s', (content, message) => {
    expect(() => loadConfig({}, file(content), {})).toThrow(message);
  });

  it('refuses a file that is not there', () => {
    expect(() => loadConfig({}, path.join(folder, 'none.json'), {})).toThrow('cannot be read');
  });
});

describe('placements', () => {
  const url = 'postgres://u:a,b=c@db/x?sslmode=disable';

  it.each([
    ['a flag given several times', { placements: [`orders=${url}`, 'bills=postgresql://db2/y'] }, '{}', {}],
    ['a variable', {}, '{}', { HEADWATER_PLACEMENTS: `orders=${url}, bills=postgresql://db2/y` }],
    ['a file', {}, `{"placements": {"orders": "${url}", "bills": "postgresql://db2/y"}}`, {}],
  ])('come from %s', (_, flags, text, environment) => {
    const { config } = loadConfig(flags, file(text), environment);
    expect(config.placements).toEqual({ orders: url, bills: 'postgresql://db2/y' });
  });

  it('are none by default', () => {
    expect(loadConfig({}, file('{}'), {}).config.placements).toEqual({});
  });

  it.each([
    [{ placements: ['orders'] }],
    [{ placements: ['=postgres://u:secret@db/x'] }],
    [{ placements: ['Orders=postgres://u:secret@db/x'] }],
    [{ placements: ['orders=mysql://u:secret@db/x'] }],
    [{ placements: ['orders=postgres://u:secret@db/x', 'orders=postgres://u:secret@db/y'] }],
  ])('are refused as %j, without the password', (flags) => {
    const load = () => loadConfig(flags, file('{}'), {});
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(/^(?!.*secret)--placements .*orders=postgres/);
  });
});

describe('headwater config', () => {
  it('prints each value with where it came from, and no password', async () => {
    writeFileSync(path.join(folder, 'headwater.json'), '{"httpPort": 9999}');
    const { code, stdout } = await headwater(['config', '--json', '--namespace', 'mine'], {
      cwd: folder,
      env: {
        DATABASE_URL: 'postgres://u:secret@db/x',
        HEADWATER_GRPC_PORT: '6000',
        HEADWATER_PLACEMENTS: 'orders=postgres://u:secret@other/y',
      },
    });
    expect(code).toBe(0);
    expect(stdout).not.toContain('secret');
    expect(JSON.parse(stdout)).toMatchObject({
      databaseUrl: { value: 'db/x', source: 'environment' },
      namespace: { value: 'mine', source: 'flag' },
      placements: { value: { orders: 'other/y' }, source: 'environment' },
      grpcPort: { value: 6000, source: 'environment' },
      httpPort: { value: 9999, source: 'file' },
      data: { value: '.headwater', source: 'default' },
    });
    expect((await headwater(['config'], { cwd: folder })).stdout).toMatch(/httpPort +9999 +file/);
  });
});

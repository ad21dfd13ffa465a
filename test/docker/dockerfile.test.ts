import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { NODE_FLAGS } from '../../bench/child.js';
import { describeSettings } from '../../src/config.js';

// What can be seen without carrying it out; try-dockerfile.js does that.
const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

const instructions = read('Dockerfile')
  .replace(/^#.*\n/gm, '')
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line) => ({ word: line.split(' ')[0] ?? '', rest: line.slice(line.indexOf(' ') + 1).trim() }));
const final = instructions.slice(instructions.findLastIndex(({ word }) => word === 'FROM'));
const of = (word: string) => final.filter((one) => one.word === word).map(({ rest }) => rest);

describe('the Dockerfile', () => {
  it('copies only what is there and what .dockerignore lets through', () => {
    const kept = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = instructions
      .filter(({ word, rest }) => word === 'COPY' && !rest.startsWith('--from='))
      .flatMap(({ rest }) => rest.split(/\s+/).slice(0, -1));
    for (const source of copied) {
      expect(existsSync(path.join(root, source)), source).toBe(true);
      expect(kept, source).toContain(source.split('/')[0]);
    }
    expect(kept.filter((name) => !copied.some((source) => source.split('/')[0] === name))).toEqual([]);
  });

  it('runs the service as a user with a name, without a shell in between', () => {
    expect(of('USER')).toEqual(['node']);
    expect(JSON.parse(of('ENTRYPOINT')[0] ?? '')).toEqual(['node', ...NODE_FLAGS, '/app/bin/headwater.js']);
    expect(JSON.parse(of('CMD')[0] ?? '')).toEqual(['serve']);
  });

  it('runs it as npm start and the bench do', () => {
    const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Record<string, string> };
    expect(scripts['start']).toBe(`exec node ${NODE_FLAGS.join(' ')} bin/headwater.js serve`);
  });

  it('is on Debian with a Node that is still maintained', () => {
    const image = instructions.find(({ word }) => word === 'ARG')?.rest ?? '';
    expect(Number(/^NODE_IMAGE=node:(\d+)-bookworm-slim$/.exec(image)?.[1])).toBeGreaterThanOrEqual(22);
  });

  it('sets only variables that the service reads, and does not let everybody in by itself', () => {
    const variables = [...(of('ENV')[0] ?? '').matchAll(/(\w+)=/g)].map(([, name]) => name);
    const known = ['NODE_ENV', ...describeSettings().map(({ variable }) => variable)];
    expect(variables.filter((name) => !known.includes(name ?? ''))).toEqual([]);
    expect(variables).toContain('HEADWATER_GRPC_HOST');
    expect(variables).not.toContain('HEADWATER_ALLOW_UNAUTHENTICATED');
  });

  it('opens the ports that are the defaults', () => {
    const ports = describeSettings()
      .filter(({ name }) => name === 'grpcPort' || name === 'httpPort')
      .map((setting) => String(setting.default));
    expect(of('EXPOSE')[0]?.split(' ')).toEqual(ports);
  });
});

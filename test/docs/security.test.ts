import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAccessFile } from '../../src/access/access-file.js';
import { bindingsOfClaims } from '../../src/access/claims.js';
import { ACTION_GROUPS } from '../../src/auth/access-rule.js';
import { ACTIONS } from '../../src/auth/plan.js';
import { blocksOf, cellsOf, codeSpans, rowsOf } from './markdown.js';

const root = path.resolve(import.meta.dirname, '../..');
const page = path.join(root, 'docs/security.md');
const text = readFileSync(page, 'utf8');
const BETWEEN = /(<!-- actions:[^\n]*-->\n)([\s\S]*)(<!-- end of actions -->)/;

describe('docs/security.md', () => {
  it('has access files that the service understands', () => {
    const blocks = blocksOf(text, 'json').filter(({ info }) => info !== 'claims');
    expect(blocks.length).toBeGreaterThan(5);
    for (const { code, line } of blocks) {
      const part = JSON.parse(code) as Readonly<Record<string, unknown>>;
      expect(() => parseAccessFile(JSON.stringify({ rules: [], ...part })), `line ${line}`).not.toThrow();
    }
  });

  it('gives of claims what it says', () => {
    const told = [
      ...text.matchAll(/^```json\n([^`]+)```\n\n```json claims\n([^`]+)```\n\ngives ([^.]+)\. /gm),
      ...text.matchAll(/^```json\n([^`]+)```\n\n```json claims\n([^`]+)```\n\ngives ([^.]+)\.$/gm),
    ];
    expect(told).toHaveLength(3);
    for (const [, mapping = '', claims = '', gives = ''] of told) {
      const { jwt } = parseAccessFile(JSON.stringify({ rules: [], ...JSON.parse(mapping) }));
      const bindings = bindingsOfClaims(JSON.parse(claims), jwt.bindings);
      const written = bindings.map(
        ({ resource, role, scope }) => `${role}@${scope}${resource === undefined ? '' : `:${resource}`}`,
      );
      expect(written).toEqual(codeSpans(gives));
    }
  });

  it('has the actions as the code has them; HEADWATER_UPDATE_DOCS=1 writes them', () => {
    const rows = Object.entries(ACTION_GROUPS).map(
      ([group, actions]) => `| \`${group}\` | ${actions.map((action) => `\`${action}\``).join(' ')} |`,
    );
    const table = ['| group | actions |', '|---|---|', ...rows, ''].join('\n');
    if (process.env['HEADWATER_UPDATE_DOCS'])
      writeFileSync(
        page,
        readFileSync(page, 'utf8').replace(
          BETWEEN,
          (_, begin: string, __, end: string) => begin + table + end,
        ),
      );
    expect(BETWEEN.exec(readFileSync(page, 'utf8'))?.[2]).toBe(table);
    expect([...new Set<string>(Object.values(ACTION_GROUPS).flat())].sort()).toEqual([...ACTIONS].sort());
  });

  it('tells of messages that are logged', () => {
    const source = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(path.join(root, 'src', file), 'utf8'))
      .join('\n');
    const messages = rowsOf(text.slice(text.indexOf('## In the logs')))
      .map(cellsOf)
      .filter(([, level]) => ['info', 'warn', 'error'].includes(level ?? ''))
      .flatMap(([named = '']) => codeSpans(named));
    expect(messages.length).toBeGreaterThan(9);
    for (const message of messages)
      expect(source).toContain(message.endsWith('…') ? `'${message.slice(0, -1)}` : `'${message}'`);
  });
});

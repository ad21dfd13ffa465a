import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeSettings } from '../../src/config.js';

const file = path.resolve(import.meta.dirname, '../../docs/configuration.md');
const BETWEEN = /(<!-- settings:[^\n]*-->\n)([\s\S]*)(<!-- end of settings -->)/;

function table(): string {
  const rows = describeSettings().map(({ name, flag, value, variable, default: fallback, help }) => {
    const shown = fallback === '' ? 'none' : `\`${String(fallback)}\``;
    const given = value === undefined ? flag : `${flag} <${value}>`;
    return `| \`${name}\` | \`${given}\` | \`${variable}\` | ${shown} | ${help.replaceAll('|', '\\|')} |`;
  });
  return ['| setting | flag | variable | default | meaning |', '|---|---|---|---|---|', ...rows, ''].join(
    '\n',
  );
}

describe('docs/configuration.md', () => {
  it('has the settings as the code has them; HEADWATER_UPDATE_DOCS=1 writes them', () => {
    const text = readFileSync(file, 'utf8');
    if (process.env['HEADWATER_UPDATE_DOCS'])
      writeFileSync(
        file,
        text.replace(BETWEEN, (_, begin: string, __, end: string) => begin + table() + end),
      );
    expect(BETWEEN.exec(readFileSync(file, 'utf8'))?.[2]).toBe(table());
  });
});

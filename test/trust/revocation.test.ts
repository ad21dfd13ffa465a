import { expect, it } from 'vitest';
import { revocations } from '../server/revocations.js';

it('a hundred revoked tokens each end all that is open with them at two instances within five seconds', async () => {
  const ended = await revocations(100);
  expect(ended).toHaveLength(100);
  expect(new Set(ended.flatMap(({ reasons }) => reasons))).toEqual(new Set(['UNAUTHENTICATED']));
  const longest = Math.max(...ended.map(({ milliseconds }) => milliseconds));
  process.stdout.write(`until everything had ended: ${Math.round(longest)} ms at most, of 100\n`);
  expect(longest).toBeLessThan(5000);
}, 300_000);

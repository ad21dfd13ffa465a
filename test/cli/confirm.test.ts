import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { confirm } from '../../src/cli/confirm.js';
import { NotConfirmedError } from '../../src/cli/exit-codes.js';

const asked = { loss: 'Account/42 will lose 3 events, for good', word: '42', yes: false, json: false };

function terminal(interactive = true) {
  const input = new PassThrough();
  const output = new PassThrough();
  return { input, output, interactive, shown: () => String(output.read() ?? '') };
}

describe('what cannot be undone', () => {
  it('is done when the word is typed', async () => {
    const { shown, ...at } = terminal();
    const done = confirm({ ...asked, signal: new AbortController().signal }, at);
    at.input.write('42\n');
    await done;
    expect(shown()).toBe('Account/42 will lose 3 events, for good.\nType 42 to go on: ');
  });

  it.each(['yes\n', '\n', '4\n', '42 43\n'])('is not done when %j is typed', async (typed) => {
    const at = terminal();
    at.input.write(typed);
    await expect(confirm({ ...asked, signal: new AbortController().signal }, at)).rejects.toThrow(
      `Nothing was done: ${JSON.stringify(typed.trimEnd())} was typed and not "42"`,
    );
  });

  it('is not done when the input ends', async () => {
    const at = terminal();
    at.input.end();
    await expect(confirm({ ...asked, signal: new AbortController().signal }, at)).rejects.toThrow(
      NotConfirmedError,
    );
  });

  it('is not done when interrupted while asking', async () => {
    const at = terminal();
    const interrupt = new AbortController();
    const done = confirm({ ...asked, signal: interrupt.signal }, at);
    interrupt.abort(new Error('Ctrl-C'));
    await expect(done).rejects.toThrow('Ctrl-C');
  });

  it('is refused in one sentence without a terminal, and with --json', async () => {
    const { signal } = new AbortController();
    for (const [json, interactive] of [
      [false, false],
      [true, true],
    ] as const) {
      const { shown, ...at } = terminal(interactive);
      await expect(confirm({ ...asked, json, signal }, at)).rejects.toThrow(
        'Account/42 will lose 3 events, for good. Nothing was done, since nobody is here to confirm it: add --yes to go on',
      );
      expect(shown()).toBe('');
    }
  });

  it('is done with --yes, without asking', async () => {
    const { shown, ...at } = terminal(false);
    await confirm({ ...asked, yes: true, signal: new AbortController().signal }, at);
    expect(shown()).toBe('');
  });
});

import { describe, expect, it } from 'vitest';
import { serverArguments, sharedBuffers } from '../../src/embedded/server-settings.js';

const GIBIBYTE = 2 ** 30;

describe('what the server keeps at hand', () => {
  it.each([
    [GIBIBYTE / 8, '128MB'],
    [2 * GIBIBYTE, '512MB'],
    [64 * GIBIBYTE, '1024MB'],
  ])('is a quarter of the memory, within bounds: of %i bytes %s', (memory, expected) => {
    expect(sharedBuffers(memory)).toBe(expected);
  });

  it('is what somebody asks for', () => {
    expect(serverArguments('/sockets')).toContain(`shared_buffers=${sharedBuffers()}`);
    const given = serverArguments('/sockets', { shared_buffers: '16MB' });
    expect(given.filter((argument) => argument.startsWith('shared_buffers'))).toEqual([
      'shared_buffers=16MB',
    ]);
  });
});

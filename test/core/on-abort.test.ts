import { expect, it } from 'vitest';
import { onAbort } from '../../src/core/on-abort.js';

it('one listener serves many callbacks, each once, unless it was taken back', () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on('warning', onWarning);
  const controller = new AbortController();
  let calls = 0;
  const letGo = Array.from({ length: 100 }, () =>
    onAbort(controller.signal, () => {
      calls += 1;
    }),
  );
  for (const one of letGo.slice(0, 40)) one();
  controller.abort();
  controller.abort();
  expect(calls).toBe(60);
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
});

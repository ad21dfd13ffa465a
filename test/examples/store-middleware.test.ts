import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { AppendRefusedError } from '../../src/core/errors.js';
import { withMiddleware } from '../../src/core/middleware-store.js';
import { createMemoryEventStore } from '../../src/memory/index.js';
import { loadStoreMiddleware } from '../../src/middleware-module.js';
import { systemRuntime } from '../../src/system.js';
import { appendTo, loaded, newEvent, thing } from '../../src/testing/builders.js';
import { modulesIn, shownButNotIn } from './shown.js';

// What the example does is tested on Postgres, in test/postgres/store-middleware.test.ts.

it('docs/store-middleware.md shows the example as it is tested', () => {
  expect(shownButNotIn('docs/store-middleware.md', ['examples/store-middleware.ts'])).toEqual([]);
});

it('the module that docs/store-middleware.md shows can be loaded and does what it says', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'middleware-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [text = '', ...more] = modulesIn('docs/store-middleware.md');
  expect(more).toEqual([]);
  const file = path.join(folder, 'middleware.mjs');
  writeFileSync(file, text);
  const middleware = (await loadStoreMiddleware(file))('headwater');
  const store = withMiddleware(createMemoryEventStore({ runtime: systemRuntime }), middleware, {
    onAfterAppendFailure: (error) => {
      throw error;
    },
  });
  await store.append(appendTo(thing('1'), newEvent({ metadata: { actor: 'ada' } })));
  expect((await loaded(store))[0]?.metadata).toEqual({ actor: 'ada', region: 'eu' });
  await expect(store.append(appendTo(thing('1'), newEvent({ eventType: 'Tested' })))).rejects.toBeInstanceOf(
    AppendRefusedError,
  );
});

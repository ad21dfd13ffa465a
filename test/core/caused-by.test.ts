import { expect, it } from 'vitest';
import { causedBy } from '../../src/core/caused-by.js';

it('names the event as the cause, and begins a correlation with it', () => {
  expect(causedBy({ eventId: 'e-1', metadata: { actor: 'ada' } })).toEqual({
    correlation_id: 'e-1',
    causation_id: 'e-1',
  });
});

it('keeps the correlation and the trace of the event', () => {
  const metadata = { correlation_id: 'r-7', causation_id: 'c-1', traceparent: '00-1', tracestate: 'a=b' };
  expect(causedBy({ eventId: 'e-2', metadata })).toEqual({
    correlation_id: 'r-7',
    causation_id: 'e-2',
    traceparent: '00-1',
    tracestate: 'a=b',
  });
});

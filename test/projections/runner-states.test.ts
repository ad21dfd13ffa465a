import { describe, expect, it } from 'vitest';
import {
  GENERATION_STATES,
  type GenerationEvent,
  type GenerationState,
  nextState,
} from '../../src/projections/runner-states.js';

const states = Object.keys(GENERATION_STATES) as GenerationState[];
const events = Object.keys(GENERATION_STATES.OPENING) as GenerationEvent[];

describe('the states of a generation', () => {
  it('are ended whatever happens afterwards', () => {
    for (const event of events) expect(nextState('ENDED', event)).toBe('ENDED');
    for (const state of states) expect(nextState(state, 'LEFT')).toBe('ENDED');
  });

  it('leave a failure only when it is resumed or reset, or opened anew', () => {
    const leaving = events.filter((event) => nextState('FAILED', event) !== 'FAILED');
    expect(leaving).toEqual(['OPENED', 'BEGUN_AGAIN', 'LEFT']);
  });

  it('leave a pause only when it is over, or because of what only a person can mend', () => {
    expect(nextState('PAUSED', 'TRY_AGAIN')).toBe('PAUSED');
    expect(nextState('PAUSED', 'HALTED')).toBe('PAUSED');
    expect(nextState('PAUSED', 'LET_GO_ON')).toBe('RUNNING');
    expect(nextState('PAUSED', 'GAVE_UP')).toBe('FAILED');
  });
});

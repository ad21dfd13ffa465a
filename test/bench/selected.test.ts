import { describe, expect, it } from 'vitest';
import type { Measurement } from '../../bench/row.js';
import { selected } from '../../bench/selected.js';

const nothing = { about: '', measure: async () => [] };
const ROWS: readonly Measurement[] = [
  { ...nothing, id: 'S1', quick: true },
  { ...nothing, id: 'S8' },
  { ...nothing, id: 'mixed', long: true },
  { ...nothing, id: 'peer-appends', long: true },
  { ...nothing, id: 'peer-loads', long: true },
];
const PLAIN = { all: false, only: undefined, quick: false, withPeers: false };
const idsOf = (options: Partial<Parameters<typeof selected>[1]>) =>
  selected(ROWS, { ...PLAIN, ...options }).map(({ id }) => id);

describe('which rows are measured', () => {
  it('leaves out what takes long, and in a quick run all but a few', () => {
    expect(idsOf({})).toEqual(['S1', 'S8']);
    expect(idsOf({ quick: true })).toEqual(['S1']);
    expect(idsOf({ all: true })).toEqual(['S1', 'S8', 'mixed']);
    expect(idsOf({ all: true, quick: true })).toEqual(['S1', 'S8', 'mixed']);
  });

  it('takes what is asked for by name', () => {
    expect(idsOf({ only: ['mixed'], quick: true })).toEqual(['mixed']);
  });

  it('has other stores only when they are asked for, and then those that are named', () => {
    expect(idsOf({ withPeers: true })).toEqual(['S1', 'S8', 'peer-appends', 'peer-loads']);
    expect(idsOf({ only: ['S1'], withPeers: true })).toEqual(['S1', 'peer-appends', 'peer-loads']);
    expect(idsOf({ only: ['peer-loads'], withPeers: true })).toEqual(['peer-loads']);
    expect(idsOf({ only: ['peer-loads'] })).toEqual(['peer-loads']);
  });
});

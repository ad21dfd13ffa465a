import { describe, expect, it } from 'vitest';
import { growthPlot } from '../../bench/docs/growth-plot.js';
import { latencyPlot } from '../../bench/docs/latency-plot.js';
import { fillIn } from '../../bench/docs/markdown.js';
import { peersPlot } from '../../bench/docs/peers-plot.js';
import { linearScale, logarithmicScale, short } from '../../bench/docs/scale.js';
import { targetsPlot } from '../../bench/docs/targets-plot.js';
import { wrap } from '../../bench/docs/svg.js';
import { Latency } from '../../bench/latency.js';
import type { Row } from '../../bench/row.js';

const ROW: Row = {
  id: 'S1',
  what: 'appends of <one> event & more',
  unit: 'events/s',
  ours: 500,
  floor: { what: 'a floor', value: 1000 },
  ratio: 0.5,
  rounds: 3,
  spread: [0.4, 0.7],
  direction: 'AT_LEAST',
};

describe('a plot', () => {
  it('is not drawn of rows that have nothing for it', () => {
    for (const plot of [targetsPlot, latencyPlot, growthPlot, peersPlot]) expect(plot([ROW])).toBeUndefined();
  });

  it('says in words what it shows, and marks up nothing of the text', () => {
    const plot = targetsPlot([{ ...ROW, target: 0.6 }]) ?? '';
    expect(plot).toContain('<title id="title">');
    expect(plot).toContain('appends of &lt;one&gt; event &amp; more, beside a floor: 0.50, target ≥ 0.6.');
    expect(plot).not.toContain('<one>');
    expect(plot).not.toContain('NaN');
  });

  it('shows a time at its target as it shows a rate at its target', () => {
    const bar = (row: Row) =>
      /<rect [^>]*class="fill-0"[^>]*>/.exec(
        (targetsPlot([row]) ?? '').split('</style>')[1]?.replace(/[^]*?mark/, '') ?? '',
      )?.[0];
    const rate = bar({ ...ROW, ratio: 0.6, spread: [0.6, 0.6], target: 0.6 });
    const time = bar({ ...ROW, ratio: 1.5, spread: [1.5, 1.5], target: 1.5, direction: 'AT_MOST' });
    expect(rate).toBeDefined();
    expect(time).toBe(rate);
  });

  it('draws a point for each percentile that enough calls were seen for', () => {
    const latency = new Latency();
    for (let index = 1; index <= 1000; index++) latency.record(index);
    const { curve, p50, p99, p999 } = latency.percentiles();
    expect([p50, p99, p999].map(Math.round)).toEqual([500, 990, 999]);
    expect(curve.at(-1)?.[0]).toBe(99.9);
    const plot = latencyPlot([{ ...ROW, latency: latency.percentiles() }]) ?? '';
    expect(/class="line-0"/.test(plot)).toBe(true);
    expect(plot).toContain('>99.9<');
  });

  it('draws growth from zero, and peers with ours first', () => {
    const curve = {
      x: 'events in the log',
      y: 'events/s',
      points: [
        [1e5, 30_000],
        [1e7, 29_000],
      ],
    } as const;
    expect(growthPlot([{ ...ROW, curve }])).toContain('>10M<');
    const peers =
      peersPlot([{ ...ROW, floor: { what: 'emmett', value: 100, peer: 'emmett' }, ratio: 5 }]) ?? '';
    expect(peers.indexOf('>Headwater<')).toBeLessThan(peers.lastIndexOf('>emmett<'));
    expect(peers).toContain('(5.0 ×)');
  });
});

describe('an axis', () => {
  it('has ticks that people would choose', () => {
    expect(linearScale({ values: [0, 1.3], pixels: [0, 100] }).ticks).toEqual([0, 0.5, 1]);
    expect(linearScale({ values: [0, 30_000], pixels: [0, 100] }).ticks).toEqual([0, 10_000, 20_000, 30_000]);
    expect(logarithmicScale({ values: [0.4, 30], pixels: [100, 0] }).ticks).toEqual([0.5, 1, 2, 5, 10, 20]);
    expect(logarithmicScale({ values: [1e5, 1e8], pixels: [0, 1] }).ticks).toEqual([1e5, 1e6, 1e7, 1e8]);
    expect([0.25, 20, 1500, 1e7].map(short)).toEqual(['0.25', '20', '1.5k', '10M']);
  });

  it('puts values where they belong', () => {
    expect(linearScale({ values: [0, 2], pixels: [10, 110] })(1)).toBe(60);
    expect(logarithmicScale({ values: [1, 100], pixels: [200, 0] })(10)).toBeCloseTo(100);
  });
});

describe('text', () => {
  it('breaks between words, and counts what stands before it', () => {
    expect(wrap('aaa bbb ccc', 45)).toEqual(['aaa bbb', 'ccc']);
    expect(wrap('aaa bbb ccc', 45, { lead: 'xx' })).toEqual(['aaa', 'bbb ccc']);
  });

  it('fills in all that a template asks for', () => {
    expect(fillIn('a\n\n{{b}}\n\nc', { b: '' })).toBe('a\n\nc');
    expect(() => fillIn('{{nothing}}', {})).toThrow('asks for nothing');
  });
});

import { distinct } from '../print.js';
import type { Percentiles } from '../latency.js';
import type { Row } from '../row.js';
import type { Line } from './line-panel.js';
import { type PlacedBy, panelsPlot } from './panels-plot.js';
import { linearScale, logarithmicScale, short } from './scale.js';

/** Percentiles by the nines that they have: each step to the right is ten times as seldom. */
export function latencyPlot(rows: readonly Row[]): string | undefined {
  const timed = distinct(rows).filter(({ latency }) => latency);
  const ids = [...new Set(timed.map(({ id }) => id))];
  return panelsPlot(
    {
      title: 'How long calls take, by percentile',
      description: timed
        .flatMap(({ id, latency, what }) =>
          latency
            ? `${id}, ${what}: median ${latency.p50.toFixed(2)} ms, p99 ${latency.p99.toFixed(2)} ms.`
            : [],
        )
        .join(' '),
    },
    ids.map((id) =>
      panelOf(
        id,
        timed.filter((row) => row.id === id),
      ),
    ),
  );
}

function panelOf(id: string, rows: readonly Row[]): PlacedBy {
  const ours = rows.flatMap(({ latency, what }) => (latency ? { name: what, latency, dashed: false } : []));
  const floors = rows.flatMap(({ floor: { latencies = [] } }) =>
    latencies.map((latency) => ({ name: latency.what, latency, dashed: true })),
  );
  const all = [...ours, ...new Map(floors.map((floor) => [floor.name, floor])).values()];
  const lines: readonly Line[] = all.map(({ dashed, latency, name }, colour) => ({
    name,
    dashed,
    colour,
    points: pointsOf(latency),
  }));
  const times = lines.flatMap(({ points }) => points.map(([, time]) => time));
  const nines = Math.max(2, ...lines.flatMap(({ points }) => points.map(([at]) => at)));
  return (box) => {
    const x = linearScale({ values: [0, nines], pixels: [box.left, box.right] });
    const ticks = [
      0,
      ...PERCENTILES.filter((percentile) => ninesOf(percentile) <= nines + 0.01).map(ninesOf),
    ];
    return {
      title: id,
      box,
      lines,
      x: Object.assign((value: number) => x(value), { ticks }),
      y: logarithmicScale({
        values: [Math.min(...times) * 0.8, Math.max(...times) * 1.25],
        pixels: [box.bottom, box.top],
      }),
      xLabel: 'percentile of the calls',
      yLabel: 'milliseconds',
      xText: (value) => `${Number((100 * (1 - 10 ** -value)).toFixed(3))}`,
      yText: short,
    };
  };
}

const PERCENTILES = [50, 90, 99, 99.9, 99.99, 99.999];

function pointsOf({ curve }: Percentiles): readonly (readonly [number, number])[] {
  return curve.map(([percentile, milliseconds]) => [ninesOf(percentile), milliseconds] as const);
}

function ninesOf(percentile: number): number {
  return -Math.log10(1 - percentile / 100);
}

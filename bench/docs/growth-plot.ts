import type { Curve, Row } from '../row.js';
import type { Line } from './line-panel.js';
import { type PlacedBy, panelsPlot } from './panels-plot.js';
import { linearScale, logarithmicScale, short } from './scale.js';

type WithCurve = Row & { readonly curve: Curve };

/** How something goes with something else, by the rows that have such a curve; those with the same axes share a panel. */
export function growthPlot(rows: readonly Row[]): string | undefined {
  const curved = rows.filter((row): row is WithCurve => row.curve !== undefined);
  const axes = (row: WithCurve) => `${row.id} ${row.curve.x} ${row.curve.y}`;
  return panelsPlot(
    {
      title: 'How it goes as the log grows',
      description: curved
        .map(
          ({ curve, id, what }) =>
            `${id}, ${what}: ${curve.points.map(([x, y]) => `${short(y)} at ${short(x)}`).join(', ')} (${curve.y} by ${curve.x}).`,
        )
        .join(' '),
    },
    [...new Set(curved.map(axes))].map((one) => panelOf(curved.filter((row) => axes(row) === one))),
  );
}

function panelOf(rows: readonly WithCurve[]): PlacedBy {
  const lines: readonly Line[] = rows.map(({ curve, what }, colour) => ({
    name: curve.name ?? what,
    points: curve.points,
    colour,
    dashed: false,
  }));
  const points = lines.flatMap((line) => line.points);
  const xs = points.map(([x]) => x);
  const [least, most] = [Math.min(...xs), Math.max(...xs)];
  // From zero, so that what stays flat looks flat.
  const highest = Math.max(...points.map(([, y]) => y)) * 1.1;
  const [{ curve, id } = { curve: { x: '', y: '' }, id: '' }] = rows;
  return (box) => ({
    title: id,
    box,
    lines,
    x: (most > least * 20 && least > 0 ? logarithmicScale : linearScale)({
      values: [least, most],
      pixels: [box.left, box.right - 8],
    }),
    y: linearScale({ values: [0, highest], pixels: [box.bottom, box.top] }),
    xLabel: curve.x,
    yLabel: curve.y,
    xText: short,
    yText: short,
  });
}

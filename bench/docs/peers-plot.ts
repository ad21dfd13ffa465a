import { amount } from '../amounts.js';
import type { Row } from '../row.js';
import { barsPlot } from './bars-plot.js';

/** Ours beside other stores, each kind of work with a scale of its own. */
export function peersPlot(rows: readonly Row[]): string | undefined {
  const beside = rows.filter(({ floor }) => floor.peer !== undefined);
  const kinds = [...new Set(beside.map(({ what }) => what))];
  return barsPlot({
    title: 'Beside other stores on the same Postgres',
    description: beside
      .map(
        ({ floor, id, ours, unit, what }) =>
          `${id}, ${what}: ours ${amount(ours)} ${unit}, ${floor.what} ${amount(floor.value)}.`,
      )
      .join(' '),
    legend:
      beside.length > 0
        ? [
            { name: 'Headwater', colour: 0 },
            { name: 'another store', colour: 1 },
          ]
        : [],
    groups: kinds.map((kind) => {
      const those = beside.filter(({ what }) => what === kind);
      const most = Math.max(...those.flatMap(({ floor, ours }) => [ours, floor.value]));
      const [first] = those;
      return {
        title: kind,
        bars: [
          ...(first
            ? [
                {
                  name: 'Headwater',
                  parts: [{ share: first.ours / most, colour: 0 }],
                  text: `${amount(first.ours)} ${first.unit}`,
                },
              ]
            : []),
          ...those.map(({ floor, ratio, unit }) => ({
            name: floor.what,
            parts: [{ share: floor.value / most, colour: 1 }],
            text: `${amount(floor.value)} ${unit} (${ratio.toFixed(1)} ×)`,
          })),
        ],
      };
    }),
  });
}

import { reaches, targetOf } from '../amounts.js';
import type { Row } from '../row.js';
import { linearScale } from './scale.js';
import { element, label, LINE, svg, wrap } from './svg.js';

const WIDTH = 900;
const TEXT = { left: 16, width: 370 };
const BARS = { left: 404, right: 730 };
const TOP = 64;
const SMALL = 11;
/** What is far beyond its target needs no more room. */
const MOST = 2.5;

/** How much of its target each ratio reaches, so that rates and times, of which less is better, stand beside each other. */
export function targetsPlot(rows: readonly Row[]): string | undefined {
  const shown = rows.flatMap((row) => (row.target === undefined ? [] : [{ row, target: row.target }]));
  if (shown.length === 0) return undefined;
  const lines = shown.map(({ row, target }) => {
    const part = (ratio: number) => (row.direction === 'AT_MOST' ? target / ratio : ratio / target);
    const [low, high] = [part(row.spread[0]), part(row.spread[1])].toSorted((a, b) => a - b);
    return { row, part: part(row.ratio), low: low ?? 0, high: high ?? 0, text: textOf(row) };
  });
  const most = Math.min(MOST, Math.max(1.2, ...lines.map(({ high }) => high * 1.03)));
  const x = linearScale({ values: [0, most], pixels: [BARS.left, BARS.right] });
  const clipped = (value: number) => x(Math.min(value, most));
  let y = TOP;
  const drawn: string[] = [];
  for (const { high, low, part, row, text } of lines) {
    const height = text.length * (LINE - 1) + 12;
    const middle = y + height / 2;
    text.forEach(({ lead, line, look }, index) => {
      const at = { x: TEXT.left, y: y + 6 + (index + 1) * (LINE - 1) - 3 };
      drawn.push(
        label(line, at, {
          look,
          size: look === 'muted' ? SMALL : 12,
          ...(lead === undefined ? {} : { lead }),
        }),
      );
    });
    const bar = { x: BARS.left, y: middle - 7, width: clipped(part) - BARS.left, height: 14, rx: 2 };
    drawn.push(element('rect', { ...bar, class: reaches(row) ? 'fill-0' : 'fill-1' }));
    const [from, to] = [clipped(low), clipped(high)];
    drawn.push(
      element('path', {
        d: `M${px(from)} ${px(middle - 4)}v8M${px(from)} ${px(middle)}H${px(to)}${high > most ? '' : `M${px(to)} ${px(middle - 4)}v8`}`,
        class: 'mark',
        fill: 'none',
        'stroke-width': '1.5',
      }),
    );
    drawn.push(
      label(`${row.ratio.toFixed(2)}`, { x: WIDTH - 104, y: middle + 4 }, { anchor: 'end', look: 'strong' }),
    );
    drawn.push(label(targetOf(row), { x: WIDTH - 24, y: middle + 4 }, { anchor: 'end', look: 'muted' }));
    y += height;
  }
  const axis = [
    ...x.ticks.map((tick) => element('path', { d: `M${px(x(tick))} ${TOP}V${px(y)}`, class: 'grid' })),
    ...x.ticks.map((tick) =>
      label(
        `${Math.round(tick * 100)} %`,
        { x: x(tick), y: y + 16 },
        { anchor: 'middle', look: 'muted', size: SMALL },
      ),
    ),
  ];
  const line = [
    element('path', {
      d: `M${px(x(1))} ${TOP - 6}V${px(y)}`,
      class: 'mark',
      'stroke-width': '1.5',
      'stroke-dasharray': '4 3',
    }),
    label('target', { x: x(1), y: TOP - 11 }, { anchor: 'middle', size: SMALL }),
    label('ratio', { x: WIDTH - 104, y: TOP - 11 }, { anchor: 'end', size: SMALL, look: 'muted' }),
    label('target', { x: WIDTH - 24, y: TOP - 11 }, { anchor: 'end', size: SMALL, look: 'muted' }),
  ];
  return svg({
    width: WIDTH,
    height: y + 32,
    title: 'How much of its target each ratio reaches',
    description: lines
      .map(
        ({ row }) =>
          `${row.id}, ${row.what}, beside ${row.floor.what}: ${row.ratio.toFixed(2)}, target ${targetOf(row)}.`,
      )
      .join(' '),
    children: [...legend(), ...axis, ...drawn, ...line],
  });
}

function legend(): string[] {
  return [
    element('rect', { x: TEXT.left, y: 17, width: 12, height: 12, rx: 2, class: 'fill-0' }),
    label('reached', { x: TEXT.left + 18, y: 27 }),
    element('rect', { x: TEXT.left + 80, y: 17, width: 12, height: 12, rx: 2, class: 'fill-1' }),
    label('not reached', { x: TEXT.left + 98, y: 27 }),
    element('path', {
      d: `M${TEXT.left + 184} 19v8M${TEXT.left + 184} 23h18m0 -4v8`,
      class: 'mark',
      fill: 'none',
      'stroke-width': '1.5',
    }),
    label('lowest and highest round', { x: TEXT.left + 210, y: 27 }),
  ];
}

interface TextLine {
  readonly lead?: string;
  readonly line: string;
  readonly look: 'plain' | 'muted';
}

function textOf({ floor, id, what }: Row): readonly TextLine[] {
  return [
    ...wrap(what, TEXT.width, { lead: id }).map((line, index) => ({
      line,
      look: 'plain' as const,
      ...(index === 0 ? { lead: id } : {}),
    })),
    ...wrap(`beside ${floor.what}`, TEXT.width, { size: SMALL }).map((line) => ({
      line,
      look: 'muted' as const,
    })),
  ];
}

function px(value: number): number {
  return Number(value.toFixed(1));
}

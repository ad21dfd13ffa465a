import type { Scale } from './scale.js';
import { COLOURS, element, label, LINE, wrap } from './svg.js';

/** A line of a panel, with its colour by number. */
export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly colour: number;
  /** A floor, and not ours. */
  readonly dashed: boolean;
}

/** A box of lines with two axes; scales give pixels of the whole drawing. */
export interface Panel {
  readonly title: string;
  readonly box: {
    readonly left: number;
    readonly top: number;
    readonly right: number;
    readonly bottom: number;
  };
  readonly x: Scale;
  readonly y: Scale;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly xText: (value: number) => string;
  readonly yText: (value: number) => string;
  readonly lines: readonly Line[];
}

const SMALL = 11;
/** Between the box and the names of its lines: the ticks and what the axis is. */
const UNDER = 40;
const MARKER = 26;
/** So few are marked: between them nothing was measured. */
const FEW_POINTS = 6;

export function drawPanel(panel: Panel): readonly string[] {
  const { box, lines, title, x, xLabel, xText, y, yLabel, yText } = panel;
  const names = legendOf(panel);
  return [
    label(title, { x: box.left, y: box.top - 22 }, { look: 'strong' }),
    label(yLabel, { x: box.left, y: box.top - 7 }, { look: 'muted', size: SMALL }),
    ...y.ticks.flatMap((tick) => [
      element('path', { d: `M${px(box.left)} ${px(y(tick))}H${px(box.right)}`, class: 'grid' }),
      label(yText(tick), { x: box.left - 6, y: y(tick) + 4 }, { anchor: 'end', look: 'muted', size: SMALL }),
    ]),
    ...x.ticks.flatMap((tick) => [
      element('path', { d: `M${px(x(tick))} ${px(box.bottom)}v4`, class: 'axis' }),
      label(
        xText(tick),
        { x: x(tick), y: box.bottom + 16 },
        { anchor: 'middle', look: 'muted', size: SMALL },
      ),
    ]),
    element('path', { d: `M${px(box.left)} ${px(box.bottom)}H${px(box.right)}`, class: 'axis' }),
    label(xLabel, { x: box.right, y: box.bottom + 30 }, { anchor: 'end', look: 'muted', size: SMALL }),
    ...lines.flatMap(({ colour, points }) =>
      points.length > FEW_POINTS
        ? []
        : points.map(([a, b]) =>
            element('circle', { cx: x(a), cy: y(b), r: 3.5, class: `fill-${colour % COLOURS}` }),
          ),
    ),
    ...lines.map(({ colour, dashed, points }) =>
      element('path', {
        d: points.map(([a, b], index) => `${index === 0 ? 'M' : 'L'}${px(x(a))} ${px(y(b))}`).join(''),
        class: `line-${colour % COLOURS}${dashed ? ' dashed' : ''}`,
      }),
    ),
    ...names.flatMap(({ colour, dashed, text, top }) => [
      element('path', {
        d: `M${px(box.left)} ${px(top + 4)}h18`,
        class: `line-${colour % COLOURS}${dashed ? ' dashed' : ''}`,
      }),
      ...text.map((line, index) =>
        label(line, { x: box.left + MARKER, y: top + 8 + index * (LINE - 1) }, { size: SMALL }),
      ),
    ]),
  ];
}

/** How much room it takes below its box. */
export function heightUnder(panel: Pick<Panel, 'box' | 'lines'>): number {
  return UNDER + legendOf(panel).reduce((sum, { text }) => sum + text.length * (LINE - 1) + 4, 0);
}

function legendOf({ box, lines }: Pick<Panel, 'box' | 'lines'>) {
  let top = box.bottom + UNDER;
  return lines.map((line) => {
    const text = wrap(line.name, box.right - box.left - MARKER, { size: SMALL });
    const entry = { ...line, text, top };
    top += text.length * (LINE - 1) + 4;
    return entry;
  });
}

function px(value: number): number {
  return Number(value.toFixed(1));
}

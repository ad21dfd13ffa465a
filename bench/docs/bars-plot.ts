import { element, label, LINE, svg, wrap } from './svg.js';

/** A bar of one or more parts, one after the other. */
export interface Bar {
  /** Stands before the name, strong. */
  readonly lead?: string;
  readonly name: string;
  /** Of the room, from 0 to 1, with the colour by number. */
  readonly parts: readonly { readonly share: number; readonly colour: number; readonly text?: string }[];
  /** Behind it. */
  readonly text: string;
}

export interface BarGroup {
  readonly title?: string;
  readonly bars: readonly Bar[];
}

export interface BarsPlot {
  readonly title: string;
  readonly description: string;
  readonly legend: readonly { readonly name: string; readonly colour: number }[];
  readonly groups: readonly BarGroup[];
}

const WIDTH = 900;
const TEXT = { left: 16, width: 360 };
const BARS = { left: 392, right: 740 };
const SMALL = 11;

/** Bars with their names to the left and their numbers to the right. */
export function barsPlot({ description, groups, legend, title }: BarsPlot): string | undefined {
  if (groups.length === 0) return undefined;
  const drawn: string[] = [];
  let y = legend.length > 0 ? 44 : 14;
  let x = TEXT.left;
  for (const { colour, name } of legend) {
    drawn.push(
      element('rect', { x, y: 17, width: 12, height: 12, rx: 2, class: `fill-${colour}` }),
      label(name, { x: x + 18, y: 27 }),
    );
    x += 18 + name.length * 7 + 24;
  }
  for (const group of groups) {
    if (group.title !== undefined) {
      for (const line of wrap(group.title, WIDTH - 32)) {
        drawn.push(label(line, { x: TEXT.left, y: y + 14 }, { look: 'strong' }));
        y += LINE + 2;
      }
      y += 4;
    }
    for (const bar of group.bars) {
      const lead = bar.lead === undefined ? {} : { lead: bar.lead };
      const text = wrap(bar.name, TEXT.width, lead);
      const height = Math.max(text.length * (LINE - 1) + 8, 24);
      const middle = y + height / 2;
      text.forEach((line, index) => {
        const y = middle + 4 + (index - (text.length - 1) / 2) * (LINE - 1);
        drawn.push(label(line, { x: TEXT.left, y }, index === 0 ? lead : {}));
      });
      let left = BARS.left;
      for (const part of bar.parts) {
        const width = part.share * (BARS.right - BARS.left);
        drawn.push(
          element('rect', {
            x: left,
            y: middle - 8,
            width: Math.max(width, 0.5),
            height: 16,
            class: `fill-${part.colour}`,
          }),
        );
        left += width;
      }
      drawn.push(label(bar.text, { x: BARS.right + 12, y: middle + 4 }, { size: SMALL }));
      y += height;
    }
    y += 10;
  }
  return svg({ width: WIDTH, height: y + 6, title, description, children: drawn });
}

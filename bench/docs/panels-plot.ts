import { drawPanel, heightUnder, type Panel } from './line-panel.js';
import { svg } from './svg.js';

const WIDTH = 900;
const COLUMNS = 2;
const ROOM = { left: 56, right: 18, top: 48, box: 190, gap: 14 };

/** A panel without its place. */
export interface PlacedBy {
  (box: Panel['box']): Panel;
}

/** Panels beside and below each other, each as high as the names of its lines need. */
export function panelsPlot(
  { title, description }: { readonly title: string; readonly description: string },
  panels: readonly PlacedBy[],
): string | undefined {
  if (panels.length === 0) return undefined;
  const columns = Math.min(COLUMNS, panels.length);
  const width = WIDTH / columns;
  const drawn: string[] = [];
  let top = 4;
  for (let first = 0; first < panels.length; first += columns) {
    const row = panels.slice(first, first + columns).map((place, column) =>
      place({
        left: column * width + ROOM.left,
        right: (column + 1) * width - ROOM.right,
        top: top + ROOM.top,
        bottom: top + ROOM.top + ROOM.box,
      }),
    );
    for (const panel of row) drawn.push(...drawPanel(panel));
    top += ROOM.top + ROOM.box + Math.max(...row.map(heightUnder)) + ROOM.gap;
  }
  return svg({ width: WIDTH, height: top, title, description, children: drawn });
}

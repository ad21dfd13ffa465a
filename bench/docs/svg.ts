// As much of SVG as our plots need: no library draws without a DOM and leaves text to be text.

export type Attributes = Readonly<Record<string, string | number>>;

/** An element with its attributes; numbers have one digit behind the point, so that the same result draws the same file. */
export function element(name: string, attributes: Attributes, children: readonly string[] = []): string {
  const written = Object.entries(attributes)
    .map(
      ([key, value]) => ` ${key}="${typeof value === 'number' ? Number(value.toFixed(1)) : escape(value)}"`,
    )
    .join('');
  return children.length > 0 ? `<${name}${written}>${children.join('')}</${name}>` : `<${name}${written}/>`;
}

export interface LabelOptions {
  readonly anchor?: 'start' | 'middle' | 'end';
  /** @default 12, in pixels */
  readonly size?: number;
  readonly look?: 'plain' | 'muted' | 'strong';
  /** Stands before the text, strong. */
  readonly lead?: string;
}

/** A line of text; `y` is its baseline. */
export function label(
  text: string,
  at: { readonly x: number; readonly y: number },
  options: LabelOptions = {},
): string {
  const { anchor = 'start', lead, look = 'plain', size = SIZE } = options;
  const attributes = { ...at, 'text-anchor': anchor, 'font-size': size, class: look };
  const before = lead === undefined ? [] : [element('tspan', { class: 'strong' }, [escape(lead)]), '  '];
  return element('text', lead === undefined ? attributes : { ...attributes, 'xml:space': 'preserve' }, [
    ...before,
    escape(text),
  ]);
}

export const SIZE = 12;
export const LINE = 15;

/** Breaks between words so that no line is wider than so many pixels, as far as can be told without the font. */
export function wrap(
  text: string,
  width: number,
  { lead = '', size = SIZE }: Pick<LabelOptions, 'lead' | 'size'> = {},
): readonly string[] {
  const lines: string[] = [];
  // In the first line the lead takes room.
  let room = lead === '' ? width : width - widthOf(`${lead}   `, size) * 1.12;
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined) lines.push(word);
    else if (widthOf(`${last} ${word}`, size) <= room) lines[lines.length - 1] = `${last} ${word}`;
    else {
      lines.push(word);
      room = width;
    }
  }
  return lines;
}

/** Of Arial, Helvetica and their like, rather too wide than too narrow. */
export function widthOf(text: string, size = SIZE): number {
  let ems = 0;
  for (const letter of text)
    ems += /[iljt.,:;'|!() ]/.test(letter)
      ? 0.32
      : /[mwMW%–…]/.test(letter)
        ? 0.92
        : /[A-Z]/.test(letter)
          ? 0.7
          : 0.57;
  return ems * size;
}

export interface Drawing {
  readonly width: number;
  readonly height: number;
  /** What a screen reader says it is … */
  readonly title: string;
  /** … and what it shows. */
  readonly description: string;
  readonly children: readonly string[];
}

/** Colours that people who see less of them can tell apart, on a card of its own that follows the reader's choice of light or dark. */
const LIGHT = ['#1f6feb', '#e07b00', '#1a9850', '#8b5cf6', '#d6336c', '#0e8a9c', '#7a5c00', '#57606a'];
const DARK = ['#6cb2ff', '#ffab57', '#5fd38d', '#c3a6ff', '#ff8fb3', '#5fd4e5', '#e3c25b', '#9aa4af'];

/** How many colours there are: classes `fill-0` and `line-0` and so on. */
export const COLOURS = LIGHT.length;

function scheme(
  card: string,
  edge: string,
  text: string,
  muted: string,
  grid: string,
  colours: readonly string[],
): string {
  return [
    `.card{fill:${card};stroke:${edge}}.plain,.strong{fill:${text}}.muted{fill:${muted}}`,
    `.grid{stroke:${grid}}.axis{stroke:${muted}}.mark{stroke:${text}}`,
    ...colours.map((colour, index) => `.fill-${index}{fill:${colour}}.line-${index}{stroke:${colour}}`),
  ].join('');
}

const STYLE = [
  'text{font-family:system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}.strong{font-weight:600}',
  '[class^=line]{fill:none;stroke-width:2;stroke-linejoin:round}.dashed{stroke-dasharray:5 4;stroke-width:1.5}',
  scheme('#ffffff', '#d0d7de', '#1f2328', '#59636e', '#e4e8ec', LIGHT),
  `@media(prefers-color-scheme:dark){${scheme('#0d1117', '#30363d', '#e6edf3', '#9aa4af', '#262c34', DARK)}}`,
].join('');

export function svg({ width, height, title, description, children }: Drawing): string {
  const card = { x: 0.5, y: 0.5, width: width - 1, height: height - 1, rx: 8, class: 'card' };
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${Math.ceil(width)} ${Math.ceil(height)}`,
    width: Math.ceil(width),
    height: Math.ceil(height),
    role: 'img',
    'aria-labelledby': 'title desc',
  };
  return `${element('svg', attributes, [
    `\n${element('title', { id: 'title' }, [escape(title)])}`,
    `\n${element('desc', { id: 'desc' }, [escape(description)])}`,
    `\n${element('style', {}, [STYLE])}`,
    `\n${element('rect', card)}`,
    ...children.map((child) => `\n${child}`),
    '\n',
  ])}\n`;
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

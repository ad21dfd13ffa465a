import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CHECKOUT } from '../checkout.js';
import { DOCS_PAGE } from '../options.js';
import type { Result } from '../result.js';
import { readmeWith } from './readme-table.js';
import { PLOTS, renderDocs } from './render.js';

/**
 * Writes the page, and beside it the folder with its plots and the result, in which no plot of an earlier run is left; with the page of the
 * checkout, also the README's table.
 */
export async function writeDocs(result: Result, page: string): Promise<void> {
  const name = path.basename(page, path.extname(page));
  const folder = path.dirname(page);
  const files = renderDocs(result, name);
  await mkdir(path.join(folder, name), { recursive: true });
  for (const plot of PLOTS) await rm(path.join(folder, name, `${plot}.svg`), { force: true });
  for (const [file, text] of files) await writeFile(path.join(folder, file), text);
  if (path.resolve(page) !== path.join(CHECKOUT, DOCS_PAGE)) return;
  const readme = path.join(CHECKOUT, 'README.md');
  await writeFile(readme, readmeWith(result.rows, await readFile(readme, 'utf8')));
}

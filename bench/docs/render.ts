import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CHECKOUT } from '../checkout.js';
import { type Result, resultAsJson } from '../result.js';
import { cpuPlot } from './cpu-plot.js';
import { growthPlot } from './growth-plot.js';
import { latencyPlot } from './latency-plot.js';
import { fillIn, tableOf } from './markdown.js';
import { costTable, latencyTable, limitTable, ratioTable } from './page-tables.js';
import { peersPlot } from './peers-plot.js';
import { targetsPlot } from './targets-plot.js';

/** All plots that there may be. */
export const PLOTS = ['targets', 'latency', 'cpu', 'growth', 'peers'] as const;

/** The page, its plots and the result, by their paths; `name` is the page's file without its end, and the folder of the others. */
export function renderDocs(result: Result, name: string): ReadonlyMap<string, string> {
  const { rows } = result;
  // A floor that stands for ours in a ratio is a floor in all else, and comes there beside ours.
  const ours = rows.filter(({ betweenFloors }) => !betweenFloors);
  const files = new Map<string, string>();
  const plot = (file: (typeof PLOTS)[number], about: string, drawing: string | undefined) => {
    if (drawing === undefined) return '';
    files.set(`${name}/${file}.svg`, drawing);
    return `![${about}](${name}/${file}.svg)`;
  };
  const section = (title: string, content: string) => (content === '' ? '' : `## ${title}\n\n${content}`);
  const texts = {
    name,
    run: runOf(result),
    notes: [
      ...result.notes,
      ...result.failures.map(({ error, id }) => `${id} could not be measured: ${error}`),
    ]
      .map((note) => `> ${note}`)
      .join('\n>\n'),
    ratios: ratioTable(rows),
    latencies: latencyTable(ours),
    costs: costTable(ours),
    limits: section('What stands in the way', limitsOf(result)),
    cores: String(result.machine.cores),
    turn: `${result.turnMilliseconds / 1000} s`,
    rounds: String(result.rounds),
    machine: machineTable(result),
    'targets-plot': plot('targets', 'How much of its target each ratio reaches', targetsPlot(rows)),
    'latency-plot': plot('latency', 'How long calls take, by percentile', latencyPlot(ours)),
    'cpu-plot': plot('cpu', 'CPU by client, service and database', cpuPlot(ours)),
    peers: section('Peers', plot('peers', 'Beside other event stores, in the same run', peersPlot(rows))),
    growth: section('Growth', plot('growth', 'How it goes as the log grows', growthPlot(rows))),
  };
  const template = readFileSync(path.join(CHECKOUT, 'bench/docs/performance-template.md'), 'utf8');
  files.set(`${name}.md`, fillIn(template, texts));
  files.set(`${name}/result.json`, resultAsJson(result));
  return files;
}

function limitsOf({ machine, rows }: Result): string {
  const table = limitTable(rows, machine.cores);
  return table === '' ? '' : `${LIMITS}${togetherOf(machine)}\n\n${table}`;
}

const LIMITS = `From the CPU above follows the highest ratio that is to be had without anything costing less: the machine has only so many
cores for load generator, service and database together, and each of these does what counts on one. Where both columns are far
above the ratio it is waiting, for flushes and for each other, that costs, and not CPU.`;

/** What the columns cannot know: CPU was taken with the cores as busy as they were. */
function togetherOf({ speedTogether }: Result['machine']): string {
  if (speedTogether === undefined || speedTogether > 0.95) return '';
  return ` Both are too high on this machine, where a core does ${speedTogether} of what it does alone when all are busy: ours keep
more of them busy than most floors do.`;
}

function runOf({ headwater, mode, seconds, startedAt }: Result): string {
  const what = `Headwater ${headwater.version}${headwater.commit === undefined ? '' : ` (${headwater.commit})`}`;
  const kind = mode === 'quick' ? ', in a quick run, which is less to be relied on' : '';
  return `It was measured on ${startedAt.slice(0, 10)} with ${what}${kind}, in ${Math.round(seconds)} seconds.`;
}

function machineTable({ machine, postgres }: Result): string {
  return tableOf(
    ['', ''],
    [
      ['processor', `${machine.processor}, ${machine.cores} cores`],
      ...(machine.speedTogether === undefined
        ? []
        : [['a core when all are busy', `${machine.speedTogether} of what it does alone`]]),
      ['memory', `${(machine.memoryMiB / 1024).toFixed(1)} GiB`],
      ['system', `${machine.system}, Node ${machine.node}`],
      ['flushing a block of 8 KiB', `${machine.flushMilliseconds} ms`],
      ['load before', String(machine.loadBefore)],
      [
        'Postgres',
        `${postgres.version}${postgres.kind === 'EMBEDDED' ? ', started for the run with the default settings' : ''}`,
      ],
      ...Object.entries(postgres.settings).map(([name, value]) => [`\`${name}\``, value]),
    ],
  );
}

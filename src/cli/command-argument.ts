import type { Command } from 'commander';
import { UsageError } from './exit-codes.js';

/** What a command is about and what it carries. */
export interface CommandArgument {
  readonly commandType: string;
  /** `undefined`: a new aggregate. */
  readonly aggregateId: string | undefined;
  /** JSON, as it was written; `undefined` if there is none. */
  readonly json: Uint8Array | undefined;
}

/** No message of the service is larger. */
const JSON_BYTES = 4 * 1024 * 1024;

export const COMMAND_ARGUMENT_HELP = `
Without an aggregate id the command is for a new aggregate; then the JSON may stand in its place: an argument that begins
with { or [, or is -, is the JSON. With - it is read from standard input.`;

/** Lets a command of the command line name a command of the domain. */
export function addCommandArguments(command: Command): Command {
  return command
    .argument('<type>', 'what is wished, for example OpenAccount')
    .argument('[aggregate-id]', 'of which aggregate (default: a new one)')
    .argument('[json]', 'the data as JSON, or - for standard input');
}

/** Reads standard input where the data is `-`. Throws `UsageError`. */
export async function commandArgument(
  commandType: string,
  second: string | undefined,
  third: string | undefined,
  input: AsyncIterable<Uint8Array> = process.stdin,
): Promise<CommandArgument> {
  const onlyJson = third === undefined && second !== undefined && (second === '-' || /^\s*[{[]/.test(second));
  const text = onlyJson ? second : third;
  const aggregateId = onlyJson || second === '' ? undefined : second;
  return {
    commandType,
    aggregateId,
    json: text === undefined ? undefined : await jsonFrom(text, input),
  };
}

/** The text itself and not what JavaScript makes of it, which would round large numbers. */
async function jsonFrom(text: string, input: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const bytes = text === '-' ? await readAll(input) : Buffer.from(text);
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const what = text === '-' ? 'Standard input' : `The data ${JSON.stringify(text.slice(0, 60))}`;
    throw new UsageError(`${what} is not JSON (${(error as Error).message})`, { cause: error });
  }
  return bytes;
}

async function readAll(input: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of input) {
    size += chunk.byteLength;
    if (size > JSON_BYTES) throw new UsageError(`Standard input is longer than ${JSON_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

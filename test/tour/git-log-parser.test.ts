import { describe, expect, it } from 'vitest';
import type { GitCommit } from '../../src/tour/git-commit.js';
import { parseGitLog } from '../../src/tour/git-log-parser.js';

const OID = '0'.repeat(40);

function printed(number: number): string {
  const dates = `${number}\0${number}`;
  const head = `commit ${number}\0${number - 1}\0${dates}\0Ada\0ada@example.org\0Subject ${number}\0`;
  const raw = `\n:100644 100644 ${OID} ${OID} M\0a\0:100644 100644 ${OID} ${OID} R090\0from\0to\0`;
  return `${head}${raw}1\t2\ta\0\u0033\t4\t\0from\0to\0`;
}

async function parse(chunks: Iterable<Buffer>): Promise<GitCommit[]> {
  const commits: GitCommit[] = [];
  for await (const commit of parseGitLog(asynchronously(chunks))) commits.push(commit);
  return commits;
}

async function* asynchronously(chunks: Iterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  for (const chunk of chunks) {
    await Promise.resolve();
    yield chunk;
  }
}

describe('parsing the output of git log', () => {
  it('gives the same commits wherever the output is cut into chunks', async () => {
    const output = Buffer.from([1, 2, 3].map(printed).join(''));
    const whole = await parse([output]);
    expect(whole).toHaveLength(3);
    expect(whole[2]).toEqual({
      hash: '3',
      parents: ['2'],
      author: { name: 'Ada', email: 'ada@example.org' },
      authoredAt: new Date(3000),
      committedAt: new Date(3000),
      subject: 'Subject 3',
      changes: [
        { kind: 'changed', path: 'a', linesAdded: 1, linesRemoved: 2, binary: false },
        { kind: 'renamed', from: 'from', path: 'to', linesAdded: 3, linesRemoved: 4, binary: false },
      ],
    });
    for (let cut = 0; cut <= output.length; cut += 1) {
      expect(await parse([output.subarray(0, cut), output.subarray(cut)])).toEqual(whole);
    }
    expect(await parse(Array.from(output, (byte) => Buffer.of(byte)))).toEqual(whole);
  });

  it('takes a chunk only when the commits of the one before have been taken', async () => {
    let taken = 0;
    async function* chunks(): AsyncGenerator<Buffer, void, undefined> {
      for (let chunk = 0; chunk < 50; chunk += 1) {
        await Promise.resolve();
        taken += 1;
        yield Buffer.from(Array.from({ length: 10 }, (_, n) => printed(chunk * 10 + n)).join(''));
      }
    }
    let read = 0;
    for await (const commit of parseGitLog(chunks())) {
      expect(commit.hash).toBe(String(read));
      read += 1;
      // A commit ends where the next begins, hence the last of a chunk with the first of the next.
      expect(taken).toBe(Math.min(50, Math.floor(read / 10) + 1));
    }
    expect(read).toBe(500);
  });

  it('matches lines to files by path, as git leaves out those that are equal after all', async () => {
    const raw = ['a', 'b', 'c'].map((path) => `:100644 100644 ${OID} ${OID} M\0${path}\0`).join('');
    const [commit] = await parse([
      Buffer.from(`commit 1\0\0\x31\0\x31\0n\0e\0s\0\n${raw}1\t0\ta\0\x32\t0\tc\0`),
    ]);
    expect(commit?.changes.map((change) => change.linesAdded)).toEqual([1, undefined, 2]);
  });

  it('keeps a few kilobytes of a subject of many megabytes', async () => {
    function* chunks(): Generator<Buffer, void, undefined> {
      yield Buffer.from('commit 1\0\0\x31\0\x31\0n\0e\0');
      const chunk = Buffer.alloc(65_536, 's');
      for (let n = 0; n < 4096; n += 1) yield chunk;
      yield Buffer.from('\0');
    }
    const [commit] = await parse(chunks());
    expect(commit?.subject).toBe('s'.repeat(1000));
  });
});

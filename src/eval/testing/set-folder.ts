import { mkdtempSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** An empty folder that nobody else has. */
export function emptyFolder(): string {
  return mkdtempSync(join(tmpdir(), 'sterna-eval-'));
}

/** Writes files with their folders. */
export async function writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/** Objects as JSON, one a line. */
export function lines(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}

/** A set of four documents and two queries, one of which has a document that nobody can find. */
export const BIRDS: Readonly<Record<string, string>> = {
  'corpus.jsonl': lines([
    { _id: 'd1', title: 'Tern', text: 'It flies from pole to pole.' },
    { _id: 'd2', title: '', text: 'Puffins nest in burrows.' },
    { _id: 'd3', text: 'Bread is baked in an oven.' },
    { _id: 'd4', title: 'Gull', text: 'It eats bread.' },
  ]),
  'queries.jsonl': lines([
    { _id: 'q1', text: 'puffins burrows' },
    { _id: 'q2', text: 'bread' },
    { _id: 'q3', text: 'not judged' },
  ]),
  'qrels.tsv': 'query-id\tcorpus-id\tscore\nq1\td2\t1\nq2\td4\t2\nq2\tlost\t1\n',
};

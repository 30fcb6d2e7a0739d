import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BIRDS, emptyFolder, writeFiles } from '../../eval/testing/set-folder.ts';
import { Embedder } from '../index.ts';
import { type EvalCommand, evaluate } from './eval.ts';

async function run(command: Partial<EvalCommand>) {
  const folder = emptyFolder();
  await writeFiles(folder, BIRDS);
  const output = join(folder, 'out.json');
  const report = await evaluate({
    model: 'nano',
    load: () => Promise.reject(new Error('no model is needed')),
    data: [folder],
    output,
    onProgress: () => {},
    ...command,
  });
  return { report, output, folder };
}

describe('sterna eval', () => {
  it('measures all legs with a model, and writes them as JSON and Markdown', async () => {
    const markdown = join(emptyFolder(), 'out.md');
    const load = () => Embedder.create({ model: 'nano', device: 'wasm', threads: 1 });
    const { report, output } = await run({ load, dimensions: '256,64', codes: 'int8,binary+int8', markdown });
    expect(JSON.parse(readFileSync(output, 'utf8'))).toEqual(report);
    expect(report).toMatchObject({
      model: 'nano',
      revision: expect.stringMatching(/^[0-9a-f]{16}$/),
      precision: 'f32',
    });
    const [{ results, queries, documents }] = report.sets;
    expect([results.length, queries, documents]).toEqual([9, 2, 4]);
    expect(results.find(({ leg }) => leg === 'hybrid')!.metrics[0]).toMatchObject({ k: 10, mrr: 1 });
    expect(readFileSync(markdown, 'utf8')).toContain('2 queries, 4 documents');
  });

  it('loads no model for words alone', async () => {
    const { report } = await run({ legs: 'lexical', cutoffs: '1,3' });
    expect(report).not.toHaveProperty('revision');
    expect(report.sets[0].results[0].metrics.map(({ k, mrr }) => [k, mrr])).toEqual([
      [1, 1],
      [3, 1],
    ]);
  });

  it('refuses what it does not know, and names what it does', async () => {
    const refused: [Partial<EvalCommand>, string][] = [
      [{ data: [] }, '--data is missing'],
      [{ legs: 'vector,smell' }, '--legs has "smell"; needed: vector, lexical, hybrid.'],
      [{ codes: 'int2' }, '--codes has "int2"; needed: float32, int8, int4, binary, binary+int8.'],
      [{ dimensions: '256,0' }, '--dimensions has "0"'],
      [{ cutoffs: '' }, '--k has ""'],
      [{ model: '/nowhere' }, 'There is no tokenizer in /nowhere; needed: --tokenizer tokenizer.json'],
      [{ tokenizer: '/nowhere.json', legs: 'lexical' }, '/nowhere.json cannot be read'],
      [{ output: '/nowhere/out.json', legs: 'lexical' }, '/nowhere/out.json cannot be written'],
    ];
    for (const [command, words] of refused) await expect(run(command)).rejects.toThrow(words);
    const load = () => Embedder.create({ model: 'nano', device: 'reference' });
    await expect(run({ load, dimensions: '257' })).rejects.toThrow(
      '--dimensions has 257; the vectors of nano have 256.',
    );
  });
});

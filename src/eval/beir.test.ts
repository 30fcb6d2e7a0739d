import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findSets, parseQrels, readCorpus, readQuestions } from './beir.ts';
import { BIRDS, emptyFolder, lines, writeFiles } from './testing/set-folder.ts';

async function setWith(files: Readonly<Record<string, string>>) {
  const folder = emptyFolder();
  await writeFiles(folder, { ...BIRDS, ...files });
  return (await findSets(folder))[0];
}

async function corpusOf(content: string) {
  const documents = [];
  for await (const document of readCorpus(await setWith({ 'corpus.jsonl': content })))
    documents.push(document);
  return documents;
}

describe('findSets', () => {
  it('finds a set in the folder itself, or sets at any depth below it, by name', async () => {
    const folder = emptyFolder();
    const files = Object.entries(BIRDS);
    for (const set of ['b/de-en', 'a', 'b/c/d']) {
      await writeFiles(folder, Object.fromEntries(files.map(([name, text]) => [`${set}/${name}`, text])));
    }
    expect((await findSets(folder)).map(({ name }) => name)).toEqual(['a', 'b/c/d', 'b/de-en']);
    expect((await findSets(join(folder, 'b', 'de-en'))).map(({ name }) => name)).toEqual(['de-en']);
  });

  it('takes the test judgements of a set with several kinds', async () => {
    const folder = emptyFolder();
    const { 'qrels.tsv': qrels, ...rest } = BIRDS;
    await writeFiles(folder, { ...rest, 'qrels/test.tsv': qrels });
    const [set] = await findSets(folder);
    expect((await readQuestions(set)).judgements.size).toBe(2);
  });

  it('refuses a folder without sets, and sets without all files', async () => {
    const folder = emptyFolder();
    await expect(findSets(folder)).rejects.toThrow(/There is no corpus\.jsonl in .*needed: a folder with/);
    await writeFiles(folder, { 'x/corpus.jsonl': '' });
    await expect(findSets(folder)).rejects.toThrow('has no qrels.tsv');
    await writeFiles(folder, { 'x/qrels.tsv': '' });
    await expect(findSets(folder)).rejects.toThrow('has no queries.jsonl');
    await expect(findSets(join(folder, 'missing'))).rejects.toThrow('cannot be read');
  });
});

describe('readCorpus', () => {
  it('joins title and text by a space', async () => {
    const documents = await corpusOf(BIRDS['corpus.jsonl']);
    expect(documents.slice(0, 3)).toEqual([
      { id: 'd1', text: 'Tern It flies from pole to pole.' },
      { id: 'd2', text: 'Puffins nest in burrows.' },
      { id: 'd3', text: 'Bread is baked in an oven.' },
    ]);
  });

  it('names the line that is no document', async () => {
    const first = { _id: 'a', text: '' };
    const refused: [unknown, string][] = [
      [{ _id: 7, text: '' }, 'line 2: "_id" is 7'],
      [{ text: '' }, 'line 2: "_id" is missing'],
      [{ _id: 'a', text: '' }, 'line 2: there is another "a" before it'],
      [{ _id: 'b' }, 'line 2: "text" is missing'],
      [{ _id: 'b', text: '', title: null }, 'line 2: "title" is null'],
      [[], 'line 2'],
    ];
    for (const [line, words] of refused) await expect(corpusOf(lines([first, line]))).rejects.toThrow(words);
    await expect(corpusOf('{')).rejects.toThrow('line 1: not JSON');
  });
});

describe('readQuestions', () => {
  it('leaves out queries without a relevant document', async () => {
    const set = await setWith({ 'qrels.tsv': 'q1\td2\t1\nq2\td4\t0\n' });
    const { queries, judgements } = await readQuestions(set);
    expect(queries).toEqual([{ id: 'q1', text: 'puffins burrows' }]);
    expect(judgements.get('q2')).toEqual(new Map([['d4', 0]]));
  });

  it('refuses judgements of queries that are not there', async () => {
    const set = await setWith({ 'qrels.tsv': 'q9\td2\t1\n' });
    await expect(readQuestions(set)).rejects.toThrow('judges query "q9", which is not in queries.jsonl');
  });
});

describe('parseQrels', () => {
  it('reads files with a header and without one, and any line ends', () => {
    const expected = new Map([['q', new Map([['d', 2]])]]);
    expect(parseQrels('query-id\tcorpus-id\tscore\r\nq\td\t2\r\n', 'f')).toEqual(expected);
    expect(parseQrels('q\td\t2', 'f')).toEqual(expected);
  });

  it('names the line that is no judgement', () => {
    const good = 'q\td\t1\n';
    for (const bad of ['q\td', 'q\td\tx', 'q\td\t1.5', 'q\td\t1\tmore', '\td\t1', 'q d 1']) {
      expect(() => parseQrels(good + bad, 'f')).toThrow('f, line 2');
    }
    expect(() => parseQrels(good + good, 'f')).toThrow('f, line 2: document "d" was judged');
  });
});

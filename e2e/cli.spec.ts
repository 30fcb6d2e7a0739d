import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';

const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const nano = fileURLToPath(new URL('../models/nano/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'sterna-cli-'));

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  /** Standard error without what Dawn says of drivers that it does not find. */
  readonly error: string;
}

function sterna(args: readonly string[], input?: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [cli, ...args]);
    const [out, error]: [string[], string[]] = [[], []];
    child.stdout.on('data', (data) => out.push(String(data)));
    child.stderr.on('data', (data) => error.push(String(data)));
    child.on('close', (code) => resolve({ code, out: out.join(''), error: error.join('') }));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const parse = (lines: string) =>
  lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test.describe('sterna embed', () => {
  const reference = ['embed', '--device', 'reference'];

  test('writes a line for each line, in order, texts and ids alike', async () => {
    const lines = [
      { id: 'a', text: 'Where do puffins nest?' },
      { id: 2, ids: [0, 2] },
      { id: 'b', text: '' },
    ];
    const input = file('in.jsonl', `${lines.map((line) => JSON.stringify(line)).join('\n\n')}\n`);
    const output = join(folder, 'out.jsonl');
    const args = [
      '--model',
      nano,
      '--dimensions',
      '64',
      '--task',
      'query',
      '--input',
      input,
      '--output',
      output,
    ];
    const { code, out, error } = await sterna([...reference, ...args]);
    expect([code, out]).toEqual([0, '']);
    expect(error).toContain('3 texts embedded by nano on reference');
    const written = parse(readFileSync(output, 'utf8'));
    expect(written.map(({ id }) => id)).toEqual(['a', 2, 'b']);
    expect(written.map(({ tokens }) => tokens)).toEqual([expect.any(Number), 2, expect.any(Number)]);
    for (const { embedding, truncated } of written) {
      expect(Math.hypot(...embedding)).toBeCloseTo(1, 6);
      expect([embedding.length, truncated]).toEqual([64, false]);
    }
  });

  test('reads standard input, writes standard output, and is silent with --quiet', async () => {
    const { code, out, error } = await sterna([...reference, '--quiet'], '{"id":1,"text":"tern"}');
    expect([code, error]).toEqual([0, '']);
    expect(parse(out)).toHaveLength(1);
    expect(await sterna([...reference, '--quiet'], '')).toEqual({ code: 0, out: '', error: '' });
  });

  const bad: [string, string, string][] = [
    ['no JSON', '{"id":1,', 'line 2: not JSON'],
    ['no object', '[1]', 'line 2: [1] is not an object'],
    ['no id', '{"text":"x"}', 'line 2: "id" is missing; needed: a string or a number'],
    ['no text', '{"id":2}', 'line 2: "text" is missing; needed: a string'],
    ['both', '{"id":2,"text":"x","ids":[0]}', 'line 2: has both "text" and "ids"'],
    ['ids that are none', '{"id":2,"ids":[0,-1]}', 'line 2: "ids" is [0,-1]; needed: a list of token ids'],
    ['an id beyond the vocabulary', '{"id":2,"ids":[0,99999]}', 'line 2: token id 1 is 99999; needed'],
    ['no ids', '{"id":2,"ids":[]}', 'line 2: is a list of no token ids'],
  ];
  for (const [name, line, words] of bad) {
    test(`names the line of ${name}, in one line, and fails`, async () => {
      const { code, error } = await sterna([...reference, '--quiet'], `{"id":1,"text":"tern"}\n${line}\n`);
      expect(code).toBe(1);
      expect(error).toContain(`sterna: standard input, ${words}`);
      expect(error.trim()).not.toContain('\n');
    });
  }

  test('writes what stood before a bad line', async () => {
    const { code, out } = await sterna([...reference, '--quiet'], '{"id":1,"text":"tern"}\nnot JSON');
    expect(code).toBe(1);
    expect(parse(out).map(({ id }) => id)).toEqual([1]);
  });

  const refused: [string[], string][] = [
    [['--model', '/nowhere/at/all'], 'sterna [model-not-found]: There is no folder /nowhere/at/all'],
    [['--dimensions', '7'], 'sterna [invalid-dimensions]: nano was not trained to be cut to 7 dimensions'],
    [['--dimensions', 'many'], 'sterna: --dimensions is "many"; needed: a whole number.'],
    [['--device', 'tpu'], 'sterna [invalid-input]: '],
    [['--task', 'sort'], 'sterna [invalid-input]: task is "sort"'],
    [['--input', '/nowhere.jsonl'], 'sterna: /nowhere.jsonl cannot be read: '],
    [['--output', '/nowhere/out.jsonl'], 'sterna: /nowhere/out.jsonl cannot be written: '],
    [['--colour'], 'sterna: '],
    [['twice'], 'sterna: "twice" is one word too many.'],
  ];
  for (const [args, words] of refused) {
    test(`refuses ${args.join(' ')} in one line`, async () => {
      const { code, error } = await sterna([...reference, '--quiet', ...args], '{"id":1,"text":"tern"}');
      expect(code).toBe(1);
      expect(error).toContain(words);
      expect(error.trim()).not.toContain('\n');
    });
  }
});

test('sterna embed --device webgpu runs on an adapter, or says how to get one', async () => {
  const { code, out, error } = await sterna(['embed', '--device', 'webgpu'], '{"id":1,"text":"tern"}');
  if (code === 0) expect([parse(out).length, /on webgpu \(.+\)/.test(error)]).toEqual([1, true]);
  else expect(error).toMatch(/sterna \[no-webgpu\]: .*webgpu/);
});

test.describe('sterna tokenize', () => {
  test('writes ids and UTF-16 ranges', async () => {
    const args = ['tokenize', '--tokenizer', join(nano, 'tokenizer.json')];
    const { code, out } = await sterna(args, '{"id":"a","text":"The 😀"}');
    expect(code).toBe(0);
    const [{ id, ids, offsets }] = parse(out);
    expect(id).toBe('a');
    expect([ids[0], ids.at(-1)]).toEqual([0, 2]);
    expect(offsets).toHaveLength(ids.length);
    expect(offsets.at(-2)).toEqual([4, 6]);
  });

  test('refuses what is no tokenizer', async () => {
    const missing = await sterna(['tokenize'], '');
    expect([missing.code, missing.error]).toEqual([
      1,
      'sterna: --tokenizer is missing. Try sterna --help.\n',
    ]);
    const other = await sterna(['tokenize', '--tokenizer', file('x.json', '[]')], '');
    expect([other.code, other.error]).toEqual([
      1,
      expect.stringMatching(/^sterna \[corrupt-file\]: .*x\.json/),
    ]);
  });
});

test.describe('sterna search', () => {
  const documents = file(
    'docs.jsonl',
    [
      { id: 'rice', text: 'The rice has to cook for twenty minutes.' },
      { id: 'door', text: 'Do not forget to lock the door when you leave the house.' },
      { id: 'train', text: 'The train to the airport leaves every half hour.' },
    ]
      .map((line) => JSON.stringify(line))
      .join('\n'),
  );
  const search = ['search', '--device', 'reference', '--documents', documents, '--quiet'];

  test('finds the English passage for a German question', async () => {
    const { code, out } = await sterna([
      ...search,
      '--query',
      'Wann fährt der Zug zum Flughafen?',
      '--k',
      '2',
    ]);
    expect(code).toBe(0);
    const lines = out.trim().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^0\.\d{4} {2}train {2}The train to the airport/);
  });

  test('writes JSON when asked', async () => {
    const { out } = await sterna([...search, '--query', 'door', '--json', '--k', '1']);
    expect(parse(out)).toEqual([
      { id: 'door', score: expect.any(Number), passage: expect.stringContaining('door'), start: 0, end: 56 },
    ]);
  });

  test('refuses documents of one id and empty queries', async () => {
    const twice = file('twice.jsonl', '{"id":1,"text":"x"}\n{"id":1,"text":"y"}');
    const duplicate = await sterna([
      'search',
      '--device',
      'reference',
      '--documents',
      twice,
      '--query',
      'x',
      '--quiet',
    ]);
    expect([duplicate.code, duplicate.error]).toEqual([
      1,
      expect.stringMatching(/^sterna \[duplicate-id\]: /),
    ]);
    const empty = await sterna([...search, '--query', '']);
    expect([empty.code, empty.error]).toEqual([1, 'sterna: --query is missing. Try sterna --help.\n']);
  });
});

test.describe('sterna index', () => {
  const wasm = ['--device', 'wasm', '--threads', '1'];
  const source = join(folder, 'notes');
  mkdirSync(source);
  writeFileSync(join(source, 'tern.md'), '# Terns\n\nThe Arctic tern flies from pole to pole.');
  writeFileSync(
    join(source, 'puffin.html'),
    '<title>Puffins</title><p>Puffins nest in burrows.<script>no()</script>',
  );

  test('makes an index of a folder, which is searched, and brought up to date', async () => {
    const output = join(folder, 'notes-index');
    const made = await sterna(['index', source, '--output', output, ...wasm]);
    expect([made.code, made.out]).toEqual([0, '']);
    expect(made.error).toContain('2 added, 0 updated, 0 unchanged, 0 removed');
    expect(made.error).toContain(`${output}: 2 documents in 2 passages by nano, 0.`);
    const search = ['search', '--index', output, '--quiet', '--json', '--k', '1', ...wasm];
    const { out } = await sterna([...search, '--query', 'Where do puffins nest?']);
    expect(parse(out)).toEqual([
      {
        id: 'puffin.html',
        score: expect.any(Number),
        passage: 'Puffins nest in burrows.',
        start: 0,
        end: 24,
        metadata: { path: 'puffin.html', title: 'Puffins' },
      },
    ]);
    const lexical = ['--query', 'pole', '--mode', 'hybrid', '--filter', '{"title":"Terns"}'];
    const [hit] = parse((await sterna([...search, ...lexical])).out);
    expect(hit).toMatchObject({ id: 'tern.md', scores: { lexical: expect.any(Number) } });
    expect(hit.highlights).toHaveLength(2);
    const again = await sterna(['index', source, '--output', output, ...wasm]);
    expect(again.error).toContain('0 added, 0 updated, 2 unchanged, 0 removed');

    const file = join(folder, 'notes.parquet');
    const exported = await sterna(['export', '--index', output, '--output', file]);
    expect([exported.code, exported.error]).toEqual([
      0,
      expect.stringContaining('notes.parquet: 2 documents in 2 passages'),
    ]);
    const taken = await sterna(['index', file, '--output', join(folder, 'taken'), ...wasm]);
    expect(taken.error).toContain(
      '2 added, 0 updated, 0 unchanged, 0 removed, with the vectors of the source',
    );

    const whole = join(folder, 'notes.sterna');
    expect((await sterna(['export', '--index', output, '--output', whole])).code).toBe(0);
    const imported = await sterna(['import', whole, '--index', join(folder, 'imported')]);
    expect([imported.code, imported.error]).toEqual([0, expect.stringContaining('imported: 2 documents')]);
  });

  test('says that it was interrupted, and goes on when it is run again', async () => {
    const lines = Array.from({ length: 3000 }, (_, id) =>
      JSON.stringify({
        id,
        text: `Document ${id}. ${'The Arctic tern flies from pole to pole. '.repeat(20)}`,
      }),
    );
    const args = [
      cli,
      'index',
      file('terns.jsonl', lines.join('\n')),
      '--output',
      join(folder, 'terns'),
      ...wasm,
    ];
    const child = spawn(process.execPath, args);
    const error: string[] = [];
    child.stderr.on('data', (data) => error.push(String(data)));
    const journal = join(folder, 'terns', 'a-journal-0');
    await expect
      .poll(() => existsSync(journal) && statSync(journal).size, { timeout: 60_000 })
      .toBeGreaterThan(10_000);
    child.kill('SIGINT');
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(130);
    expect(error.join('')).toBe('sterna: Interrupted. What was done is kept; run it again to go on.\n');
    const few = file('few.jsonl', lines.slice(0, 8).join('\n'));
    const again = await sterna(['index', few, '--output', join(folder, 'terns'), ...wasm]);
    expect([again.code, again.error]).toEqual([
      0,
      expect.stringMatching(/0 added, 0 updated, 8 unchanged, \d+ removed/),
    ]);
  });

  test('refuses what it cannot do, in one line', async () => {
    const refused: [string[], string][] = [
      [['index'], 'sterna: One source is to be indexed.'],
      [['index', source], 'sterna: --output is missing'],
      [['index', source, '--output', source], `sterna: ${source} is there and is no index`],
      [['index', '/nowhere', '--output', join(folder, 'x')], 'sterna: There is no file or folder /nowhere.'],
      [['search', '--query', 'x'], 'sterna: One of --index and --documents is needed.'],
      [['search', '--query', 'x', '--index', source, ...wasm], `sterna: The folder ${source} has no index`],
      [['export', '--output', 'x.parquet'], 'sterna: --index is missing'],
      [['import', file('no.sterna', 'no'), '--index', join(folder, 'y')], 'sterna [corrupt-file]: '],
    ];
    for (const [args, words] of refused) {
      const { code, error } = await sterna(args);
      expect([code, error]).toEqual([1, expect.stringContaining(words)]);
      expect(error.trim()).not.toContain('\n');
    }
  });
});

test('sterna explains itself', async () => {
  const { code, out } = await sterna(['--help']);
  expect(code).toBe(0);
  for (const command of 'embed tokenize search index export import convert eval'.split(' '))
    expect(out).toContain(`sterna ${command}`);
  expect((await sterna([])).code).toBe(2);
  const wrong = await sterna(['fly']);
  expect([wrong.code, wrong.error]).toEqual([
    1,
    'sterna: There is no command "fly"; needed: embed, tokenize, search, index, export, import, convert or eval. Try sterna --help.\n',
  ]);
});

test('a reader that has seen enough ends it quietly', async () => {
  test.skip(!existsSync('/bin/sh'), 'needs a shell');
  const input = file(
    'many.jsonl',
    Array.from({ length: 600 }, (_, id) => JSON.stringify({ id, ids: [0, 2] })).join('\n'),
  );
  const command = `"${process.execPath}" "${cli}" embed --quiet --device reference --input "${input}" | head -n 1`;
  const child = spawn('/bin/sh', ['-c', command]);
  const error: string[] = [];
  child.stderr.on('data', (data) => error.push(String(data)));
  expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
  expect(error.join('')).toBe('');
});

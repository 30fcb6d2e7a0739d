import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { emptyFolder, writeFiles } from '../../eval/testing/set-folder.ts';
import type { SearchDocument } from '../../search/index-types.ts';
import { decodeText } from './decode-text.ts';
import { folderDocuments } from './folder-documents.ts';
import { markdownText } from './markdown-text.ts';

async function documentsOf(folder: string): Promise<SearchDocument[]> {
  const documents: SearchDocument[] = [];
  for await (const document of folderDocuments(folder)) documents.push(document);
  return documents;
}

describe('the documents of a folder', () => {
  it('are its texts and those of the folders in it, in the order of their names', async () => {
    const folder = emptyFolder();
    await writeFiles(folder, {
      'b.txt': 'tern',
      'a/z.HTML': '<title>Puffins</title><p>nest',
      'a/y.md': '# Gulls\n\neat bread',
      'a.png': 'no text',
      '.git/c.txt': 'hidden',
      'a/.d.txt': 'hidden',
      noextension: '',
    });
    expect(await documentsOf(folder)).toEqual([
      { id: 'a/y.md', text: '# Gulls\n\neat bread', metadata: { path: 'a/y.md', title: 'Gulls' } },
      { id: 'a/z.HTML', text: 'nest', metadata: { path: 'a/z.HTML', title: 'Puffins' } },
      { id: 'b.txt', text: 'tern', metadata: { path: 'b.txt', title: 'b' } },
    ]);
  });

  it('include files that links lead to, but not folders, nor what is not there', async () => {
    const folder = emptyFolder();
    mkdirSync(join(folder, 'sub'));
    writeFileSync(join(folder, 'sub/a.txt'), 'a');
    symlinkSync(join(folder, 'sub/a.txt'), join(folder, 'b.txt'));
    symlinkSync(folder, join(folder, 'sub/circle'));
    symlinkSync(join(folder, 'nowhere'), join(folder, 'c.txt'));
    expect((await documentsOf(folder)).map(({ id }) => id)).toEqual(['b.txt', 'sub/a.txt']);
  });
});

describe('the title of a Markdown text', () => {
  it('is that of its front matter, which is no part of the text, or its first heading', () => {
    const front = '---\ntitle: "Terns: a study"\ndate: 2020-01-01\n---\n\n# Heading\ntext';
    expect(markdownText(front)).toEqual({ title: 'Terns: a study', text: '# Heading\ntext' });
    expect(markdownText('text\n\n## Heading ##\r\nmore').title).toBe('Heading');
    expect(markdownText('---\nno end')).toEqual({ title: undefined, text: '---\nno end' });
    expect(markdownText('#hashtag')).toEqual({ title: undefined, text: '#hashtag' });
  });
});

describe('the characters of a file', () => {
  const bytes = (...words: (string | number)[]) =>
    Uint8Array.from(words.flatMap((word) => (typeof word === 'number' ? [word] : [...Buffer.from(word)])));

  it('are as its mark says, as the page says, or UTF-8, or else Windows-1252', () => {
    expect(decodeText(bytes(0xef, 0xbb, 0xbf, 'ä'))).toBe('ä');
    expect(decodeText(bytes(0xff, 0xfe, 0xe4, 0))).toBe('ä');
    expect(decodeText(bytes(0xfe, 0xff, 0, 0xe4))).toBe('ä');
    expect(decodeText(bytes('ä漢'))).toBe('ä漢');
    expect(decodeText(bytes(0xe4, 0x80))).toBe('ä€');
    expect(decodeText(bytes('<meta charset="iso-8859-5">', 0xd0), true)).toMatch(/а$/);
    expect(decodeText(bytes('<meta charset=ISO-8859-1>', 0x85), true)).toMatch(/…$/);
    expect(decodeText(bytes('<meta charset=nonsense>ä'), true)).toMatch(/ä$/);
    expect(decodeText(bytes('<meta charset="utf-16">ä'), true)).toMatch(/ä$/);
  });
});

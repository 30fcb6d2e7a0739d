import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import type { SearchDocument } from '../../search/index-types.ts';
import { UsageError } from '../json-lines.ts';
import { decodeText } from './decode-text.ts';
import { htmlText, type PageText } from './html-text.ts';
import { markdownText } from './markdown-text.ts';

/** How files are read, by the ends of their names. */
const READERS: Readonly<Record<string, (bytes: Uint8Array) => PageText>> = {
  '.txt': (bytes) => ({ title: undefined, text: decodeText(bytes) }),
  '.md': (bytes) => markdownText(decodeText(bytes)),
  '.markdown': (bytes) => markdownText(decodeText(bytes)),
  '.html': (bytes) => htmlText(decodeText(bytes, true)),
  '.htm': (bytes) => htmlText(decodeText(bytes, true)),
};

/**
 * The texts of a folder and of those in it, in the order of their names: `.txt`, `.md`, `.markdown`, `.html` and `.htm`. The id is the path within the folder,
 * with `/` on all systems; metadata are `{ path, title }`, the title being the file's name where the text has none. What begins with a dot is passed
 * over, and so are links to folders, which may go round in circles.
 *
 * @throws UsageError for a file or folder that cannot be read.
 */
export async function* folderDocuments(folder: string): AsyncGenerator<SearchDocument> {
  for await (const path of pathsOf(folder, '')) {
    const extension = extname(path);
    const file = join(folder, path);
    const bytes = await readFile(file).catch((error: Error) => {
      throw new UsageError(`${file} cannot be read: ${error.message}`);
    });
    const { title = basename(path, extension), text } = READERS[extension.toLowerCase()](bytes);
    yield { id: path, text, metadata: { path, title } };
  }
}

async function* pathsOf(folder: string, within: string): AsyncGenerator<string> {
  const entries = await readdir(join(folder, within), { withFileTypes: true }).catch((error: Error) => {
    throw new UsageError(`${join(folder, within)} cannot be read: ${error.message}`);
  });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const path = within === '' ? entry.name : `${within}/${entry.name}`;
    if (entry.isDirectory()) yield* pathsOf(folder, path);
    else if (extname(path).toLowerCase() in READERS && (entry.isFile() || (await isFile(join(folder, path)))))
      yield path;
  }
}

/** What a link leads to. */
async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

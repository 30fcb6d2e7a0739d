import type { SearchDocument } from '../src/index.ts';
import type { Source } from './kept-index.ts';
import { create, createButton, element, showStatus } from './view.ts';

/** Ids of the visitor's own texts begin so; those of files go on with the name, so that a file takes its own place. */
const FILE = 'own/file/';
const PASTED = 'own/pasted/';
/** Characters of a pasted text that are its title. */
const TITLE_LENGTH = 40;

/** What can be done with texts of the visitor's own. */
export interface OwnTexts {
  readonly add: (documents: readonly SearchDocument<Source>[]) => void;
  readonly remove: (id: string) => void;
}

export function isOwn(id: string): boolean {
  return id.startsWith(FILE) || id.startsWith(PASTED);
}

/** Lists the visitor's texts with a button that removes each. @param ids - of all documents. */
export function showOwnTexts(ids: readonly string[], { remove }: OwnTexts): void {
  const rows = ids.filter(isOwn).map((id) => {
    const row = create('li', '');
    row.dataset.id = id;
    const button = createButton('Remove', () => {
      remove(id);
      element('own').focus();
    });
    button.ariaLabel = `Remove ${titleOf(id)}`;
    row.append(create('span', 'title', titleOf(id)), button);
    return row;
  });
  element('own').replaceChildren(...rows);
}

/** Takes texts that are pasted, chosen or dropped. */
export function listenForTexts({ add }: OwnTexts): void {
  const files = element<HTMLInputElement>('files');
  files.addEventListener('change', async () => {
    const chosen = [...(files.files ?? [])];
    // So that the same file can be chosen again.
    files.value = '';
    await addFiles(chosen, add);
  });

  const paste = element<HTMLTextAreaElement>('paste');
  const button = element<HTMLButtonElement>('add');
  paste.addEventListener('input', () => {
    button.disabled = paste.value.trim() === '';
  });
  button.addEventListener('click', () => {
    add([pastedText(paste.value)]);
    paste.value = '';
    button.disabled = true;
  });

  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.add('dropping');
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) document.body.classList.remove('dropping');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    document.body.classList.remove('dropping');
    void addFiles([...(event.dataTransfer?.files ?? [])], add);
  });
}

/** Adds files that hold text, and says which do not. */
async function addFiles(files: readonly File[], add: OwnTexts['add']): Promise<void> {
  const texts = new Map<string, SearchDocument<Source>>();
  const refused: string[] = [];
  for (const file of files) {
    const text = await textOf(file);
    if (text === undefined) refused.push(file.name);
    else {
      const id = FILE + file.name;
      texts.set(id, { id, text, metadata: { title: file.name } });
    }
  }
  if (texts.size > 0) add([...texts.values()]);
  else if (refused.length > 0) showStatus(`Nothing was added: ${refused.join(', ')} is no text.`, 1);
}

/** @returns nothing for a file that is no UTF-8 text, or has no words. */
async function textOf(file: File): Promise<string | undefined> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer());
    return text.trim() === '' || text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}

function pastedText(text: string): SearchDocument<Source> {
  const characters = [...text.trim().replace(/\s+/g, ' ')];
  const title =
    characters.length > TITLE_LENGTH ? `${characters.slice(0, TITLE_LENGTH).join('')}…` : characters.join('');
  return { id: `${PASTED}${crypto.randomUUID()}/${title}`, text, metadata: { title } };
}

function titleOf(id: string): string {
  return id.startsWith(FILE) ? id.slice(FILE.length) : id.slice(id.indexOf('/', PASTED.length) + 1);
}

import type { EmbedderReport, LoadProgress, SearchHit } from '../src/index.ts';

/** What the demo knows of a document besides its text. */
export interface Source {
  /** Language code, where it is known. */
  readonly lang?: string;
  /** File name, for texts of the visitor's own. */
  readonly file?: string;
}

export function element<E extends HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}

const languageNames = new Intl.DisplayNames('en', { type: 'language' });

/** Characters shown before and after a passage of a long document. */
const CONTEXT = 80;

export function showHits(hits: readonly SearchHit<Source>[]): void {
  element('hits').replaceChildren(...hits.map(hitElement));
}

function hitElement({ document: source, score, start, end }: SearchHit<Source>): HTMLElement {
  const { lang, file } = source.metadata ?? {};
  const item = create('li', 'hit');
  item.tabIndex = -1;
  item.dataset.id = source.id;
  const language = create('span', 'language', lang ?? 'text');
  if (lang) language.title = languageNames.of(lang) ?? lang;
  const text = create('p', 'text');
  if (lang) text.lang = lang;
  text.dir = 'auto';
  text.append(...highlighted(source.text, start, end));
  item.append(language, text, create('span', 'score', score.toFixed(3)));
  item.append(
    create('span', 'source', file ?? `${languageNames.of(lang ?? 'en')}, characters ${start}–${end}`),
  );
  return item;
}

/** A passage marked within what stands around it; where that is nothing, there is nothing to tell apart. */
function highlighted(text: string, start: number, end: number): (string | Node)[] {
  if (start === 0 && end === text.length) return [text];
  const before = text.slice(Math.max(0, start - CONTEXT), start);
  const after = text.slice(end, end + CONTEXT);
  const mark = create('mark', '', text.slice(start, end));
  return [start > CONTEXT ? `…${before}` : before, mark, end + CONTEXT < text.length ? `${after}…` : after];
}

export function showReport({ model, layers, device, adapter, precision, notes }: EmbedderReport): void {
  element('model').textContent = `${model}, ${layers} layers`;
  element('device').textContent = adapter ? `${device} (${adapter})` : device;
  element('precision').textContent = precision;
  element('notes').textContent = notes.join(' ');
}

const PHASES: Record<LoadProgress['phase'], string> = {
  download: 'Downloading',
  verify: 'Checking',
  upload: 'Loading weights of',
  compile: 'Compiling kernels for',
  check: 'Trying out',
  ready: 'Ready on',
};

export function showLoad({ phase, item, loaded, total }: LoadProgress): void {
  // 1 is the end of all work, and there is indexing to come.
  showStatus(`${PHASES[phase]} ${item}…`, total > 0 ? Math.min(loaded / total, 0.99) : undefined);
}

/** @param share - 0 … 1, nothing for "not known", 1 for done. */
export function showStatus(words: string, share?: number): void {
  element('status').textContent = words;
  const bar = element<HTMLProgressElement>('load-bar');
  if (share === undefined) bar.removeAttribute('value');
  else bar.value = share;
  element('load').classList.toggle('done', share === 1);
}

/** While texts are indexed there is something to cancel, and the vector length stays as it is. */
export function showBusy(busy: boolean): void {
  element('cancel').hidden = !busy;
  element<HTMLFieldSetElement>('dimensions').disabled = busy;
}

export function create(tag: string, className: string, text = ''): HTMLElement {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

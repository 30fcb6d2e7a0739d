import type { EmbedderReport, IndexReport, LoadProgress } from '../src/index.ts';

export function element<E extends HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}

export function create(tag: string, className: string, text = ''): HTMLElement {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

export function createButton(words: string, onClick: () => void): HTMLButtonElement {
  const button = create('button', '', words) as HTMLButtonElement;
  button.type = 'button';
  button.dir = 'auto';
  button.addEventListener('click', onClick);
  return button;
}

/** One of the choices of a switch: a radio button in its label. */
export function createChoice(name: string, value: string, words: string, onChoose: () => void): HTMLElement {
  const label = create('label', '', words);
  const input = document.createElement('input');
  input.type = 'radio';
  input.name = name;
  input.value = value;
  input.addEventListener('change', onChoose);
  label.prepend(input);
  return label;
}

export function showReport({ model, layers, device, adapter, precision, notes }: EmbedderReport): void {
  element('model').textContent = `${model}, ${layers} layers`;
  element('device').textContent = adapter ? `${device} (${adapter})` : device;
  element('precision').textContent = precision;
  element('notes').textContent = notes.join(' ');
}

export function showIndex({ documents, passages, bytes, lasting, location, adapter }: IndexReport): void {
  element('texts').textContent = String(documents);
  element('passages').textContent = String(passages);
  element('bytes').textContent = `${Math.ceil(bytes / 1000).toLocaleString('en')} kB`;
  element('location').textContent = lasting ? 'this browser' : 'memory, until the page goes';
  element('location').title = location;
  element('scanner').textContent = adapter;
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

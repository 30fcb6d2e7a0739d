import type { SearchHit } from '../src/index.ts';
import type { Source } from './kept-index.ts';
import { create, element } from './view.ts';

const languageNames = new Intl.DisplayNames('en', { type: 'language' });

/** Characters shown before and after a passage of a long document. */
const CONTEXT = 80;

/** @returns the English name of a language, such as "German". */
export function languageName(code: string): string {
  return languageNames.of(code) ?? code;
}

/** Shows hits in place of those before. A hit that has the keyboard's focus keeps it, or gives it to the first one. */
export function showHits(hits: readonly SearchHit<Source>[]): void {
  const list = element('hits');
  const before = [...list.children].find((item) => item === document.activeElement) as
    | HTMLElement
    | undefined;
  const mostWords = Math.max(...hits.map(({ scores }) => scores.lexical ?? 0));
  const items = hits.map((hit) => hitElement(hit, mostWords));
  list.replaceChildren(...items);
  if (before) (items.find(({ dataset }) => dataset.id === before.dataset.id) ?? items[0])?.focus();
}

function hitElement(hit: SearchHit<Source>, mostWords: number): HTMLElement {
  const { document: source, scores } = hit;
  const { lang, title } = source.metadata ?? {};
  const item = create('li', 'hit');
  item.tabIndex = -1;
  item.dataset.id = source.id;
  const text = create('p', 'text');
  if (lang) text.lang = lang;
  text.dir = 'auto';
  text.append(...inContext(hit));
  const legs = create('span', 'legs');
  // A cosine has a scale of its own; BM25 scores compare with each other only.
  if (scores.vector !== undefined) legs.append(...bar('meaning', scores.vector, scores.vector));
  if (scores.lexical !== undefined) legs.append(...bar('words', scores.lexical, scores.lexical / mostWords));
  const foot = create('p', 'foot');
  foot.append(create('span', 'source', lang ? languageName(lang) : placeOf(hit, title)), legs);
  item.append(create('span', 'language', lang ?? 'yours'), text, foot);
  return item;
}

function placeOf({ start, end }: SearchHit<Source>, title = 'text'): string {
  return `${title}, characters ${start}–${end}`;
}

/** A score as a number and as a bar. @param share - 0 … 1, the bar's length. */
function bar(leg: string, score: number, share: number): HTMLElement[] {
  const track = create('span', `bar ${leg}`);
  track.style.setProperty('--share', String(Math.max(0, Math.min(1, share))));
  track.ariaHidden = 'true';
  return [create('span', 'leg', leg), track, create('span', 'score', score.toFixed(leg === 'words' ? 1 : 3))];
}

/** A passage within what stands around it, with the words marked that the query has, too. */
function inContext({ document: { text }, passage, start, end, highlights }: SearchHit<Source>): Node[] {
  const before = text.slice(Math.max(0, start - CONTEXT), start);
  const after = text.slice(end, end + CONTEXT);
  const shown = create('span', 'passage');
  shown.append(...marked(passage, highlights));
  return [
    create('span', 'around', start > CONTEXT ? `…${before}` : before),
    shown,
    create('span', 'around', end + CONTEXT < text.length ? `${after}…` : after),
  ];
}

function marked(passage: string, ranges: SearchHit['highlights']): (string | Node)[] {
  const parts: (string | Node)[] = [];
  let at = 0;
  for (const [start, end] of ranges) {
    parts.push(passage.slice(at, start), create('mark', '', passage.slice(start, end)));
    at = end;
  }
  return [...parts, passage.slice(at)];
}

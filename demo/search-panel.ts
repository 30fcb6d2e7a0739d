import { showError } from './errors.ts';
import { languageName, showHits } from './hits.ts';
import type { Answer, KeptIndex } from './kept-index.ts';
import { createButton, createChoice, element } from './view.ts';

/** Questions to begin with. The answers are in other languages. */
const EXAMPLES = [
  'Wann fährt der Zug zum Flughafen?',
  'ドアに鍵をかけるのを忘れないで',
  'لا تنس أن تقفل الباب',
  'J’ai perdu ma clé',
];

const MODES = { vector: 'Meaning', lexical: 'Words', hybrid: 'Both' } as const;
type Mode = keyof typeof MODES;

/** What stands for the visitor's own texts among the languages: filters take null for "has none". */
const YOURS = 'yours';

const MOST_HITS = 8;

const query = element<HTMLInputElement>('query');

/** The query, how it is searched for and in which languages, and what comes of it. */
export class SearchPanel {
  private mode: Mode = 'vector';
  /** Codes of the languages that are wanted; none: all. */
  private readonly wanted = new Set<string>();
  private searching: AbortController | undefined;
  /** Whether the visitor has emptied the index, and nothing has been put in since. */
  isCleared = false;

  /** @param onRefill - puts the demo's own texts into an index that is empty. */
  constructor(
    private readonly index: KeptIndex,
    private readonly onRefill: () => void,
  ) {
    query.addEventListener('input', () => void this.search());
    element('modes').append(
      ...Object.entries(MODES).map(([mode, words]) =>
        createChoice('mode', mode, words, () => this.searchBy(mode as Mode)),
      ),
    );
    this.searchBy(this.mode);
  }

  /** Shows a chip for each language, and one for the visitor's own texts where there are any. */
  showLanguages(codes: readonly string[], hasOwn: boolean): void {
    const all = hasOwn ? [...codes, YOURS] : codes;
    for (const code of this.wanted) if (!all.includes(code)) this.wanted.delete(code);
    const shown = [...element('languages').children] as HTMLElement[];
    if (shown.length !== all.length)
      element('languages').replaceChildren(...all.map((code) => this.chip(code)));
    this.showWanted();
  }

  /** Searches for what the box says now; an older search is dropped. */
  async search(): Promise<void> {
    this.searching?.abort();
    const text = query.value.trim();
    if (text === '') {
      this.showStart();
      return;
    }
    const controller = new AbortController();
    const { signal } = controller;
    this.searching = controller;
    try {
      const { mode } = this;
      const languages = [...this.wanted].map((code) => (code === YOURS ? null : code));
      const filter = languages.length > 0 ? { lang: languages } : undefined;
      this.show(await this.index.search(text, { k: MOST_HITS, mode, filter, signal }));
    } catch (error) {
      if (!signal.aborted) showError(error);
    }
  }

  private searchBy(mode: Mode): void {
    this.mode = mode;
    element('modes').querySelector<HTMLInputElement>(`[value=${mode}]`)!.checked = true;
    void this.search();
  }

  private chip(code: string): HTMLElement {
    const chip = createButton(code, () => {
      if (!this.wanted.delete(code)) this.wanted.add(code);
      this.showWanted();
      void this.search();
    });
    chip.className = 'chip';
    chip.dataset.code = code;
    chip.title = code === YOURS ? 'Your own texts' : languageName(code);
    chip.ariaLabel = chip.title;
    return chip;
  }

  private showWanted(): void {
    for (const chip of element('languages').children as HTMLCollectionOf<HTMLElement>)
      chip.ariaPressed = String(this.wanted.has(chip.dataset.code!));
  }

  private wantAll(): void {
    this.wanted.clear();
    this.showWanted();
    void this.search();
  }

  private show({ hits, embedding, searching }: Answer): void {
    showHits(hits);
    const model = embedding > 0 ? `The query embedded in ${inWords(embedding)}, ` : '';
    const { passages } = this.index.report;
    const count = `${hits.length} of ${passages} passages found in ${inWords(searching)}`;
    element('timing').textContent =
      `${model}${count}${this.mode === 'lexical' ? ', without the model' : ''}.`;
    if (hits.length > 0) showEmpty('', []);
    else this.showNothing();
  }

  /** What to do where there is no query. */
  private showStart(): void {
    showHits([]);
    element('timing').textContent = '';
    if (this.isCleared) {
      this.offerRefill();
      return;
    }
    const examples = EXAMPLES.map((example) =>
      createButton(example, () => {
        query.value = example;
        void this.search();
      }),
    );
    showEmpty('Some questions, with answers in other languages:', examples);
  }

  /** What to do where nothing was found. */
  private showNothing(): void {
    if (this.isCleared) this.offerRefill();
    else {
      const choices: HTMLElement[] = [];
      if (this.wanted.size > 0) choices.push(createButton('Search all languages', () => this.wantAll()));
      if (this.mode === 'lexical')
        choices.push(createButton('Search by meaning', () => this.searchBy('vector')));
      showEmpty(`No passage ${this.wanted.size > 0 ? 'of these languages ' : ''}has been found.`, choices);
    }
  }

  private offerRefill(): void {
    element('timing').textContent = '';
    showEmpty('There is nothing to search in.', [createButton('Index the demo’s texts', this.onRefill)]);
  }
}

/** @param words - empty: there is something to show instead. */
function showEmpty(words: string, choices: readonly HTMLElement[]): void {
  element('empty').hidden = words === '';
  element('empty-words').textContent = words;
  element('empty-choices').replaceChildren(...choices);
}

function inWords(milliseconds: number): string {
  return milliseconds < 9.95 ? `${milliseconds.toFixed(1)} ms` : `${Math.round(milliseconds)} ms`;
}

/** Makes the keys work that the page's end tells of. */
export function listenForKeys(): void {
  document.addEventListener('keydown', (event) => {
    const hits = [...element('hits').children] as HTMLElement[];
    const at = hits.indexOf(document.activeElement as HTMLElement);
    const isHere = at >= 0 || event.target === query;
    if (event.key === '/' && !(event.target as HTMLElement).matches('input, textarea')) query.focus();
    else if (event.key === 'Escape' && isHere) {
      query.value = '';
      query.focus();
      query.dispatchEvent(new Event('input'));
    } else if (event.key === 'ArrowDown' && isHere) hits[Math.min(at + 1, hits.length - 1)]?.focus();
    else if (event.key === 'ArrowUp' && at >= 0) (hits[at - 1] ?? query).focus();
    else return;
    event.preventDefault();
  });
}

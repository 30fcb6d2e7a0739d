import { setBit } from '../bitmap.ts';
import { WordList } from './word-list.ts';

/**
 * Which documents have which values. Documents of a value are a chain from the last one to the first, so that a million different values cost three
 * numbers each and no array.
 */
export class ValueDocuments<T extends string | number | boolean> {
  private readonly ids = new Map<T, number>();
  /** Last link of each value. */
  private readonly last = new WordList();
  /** Of each value, the number of its documents. */
  private readonly counts = new WordList();
  private readonly documents = new WordList();
  /** Of each link, the link before; its own number for the first of a chain. */
  private readonly before = new WordList();

  /** How many different values there are. */
  get size(): number {
    return this.ids.size;
  }

  /** The different values, in the order in which they came; −0 is 0. */
  all(): IterableIterator<T> {
    return this.ids.keys();
  }

  /** @param document - at least as great as the one before; the same one counts once for a value. */
  add(value: T, document: number): void {
    const link = this.documents.length;
    const id = this.ids.get(value);
    if (id === undefined) {
      this.ids.set(value, this.ids.size);
      this.last.push(link);
      this.counts.push(1);
      this.before.push(link);
    } else {
      const last = this.last.at(id);
      if (this.documents.at(last) === document) return;
      this.before.push(last);
      this.last.set(id, link);
      this.counts.set(id, this.counts.at(id) + 1);
    }
    this.documents.push(document);
  }

  /** Number of documents that have the value. */
  count(value: T): number {
    const id = this.ids.get(value);
    return id === undefined ? 0 : this.counts.at(id);
  }

  /** Sets the bits of the documents that have the value. */
  mark(value: T, into: Uint32Array): void {
    const id = this.ids.get(value);
    if (id === undefined) return;
    let link = this.last.at(id);
    for (let left = this.counts.at(id); left > 0; left--) {
      setBit(into, this.documents.at(link));
      link = this.before.at(link);
    }
  }

  /** Writes the documents that have the value, ascending, so that the last one comes before place `end`. */
  copy(value: T, into: Uint32Array, end: number): void {
    const id = this.ids.get(value);
    if (id === undefined) return;
    let link = this.last.at(id);
    for (let place = end - 1; place >= end - this.counts.at(id); place--) {
      into[place] = this.documents.at(link);
      link = this.before.at(link);
    }
  }
}

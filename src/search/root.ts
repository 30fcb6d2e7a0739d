import { SternaError } from '../errors.ts';
import { mendTwins, readTwins, type Stated, writeTwins } from '../index/collection/twin-files.ts';
import type { IndexFolder } from '../index/files/folder.ts';

/** Which of the two sets of files of an index counts, and what the other one is. */
export interface RootState extends Stated {
  readonly current: 'a' | 'b';
  /** Whether the other one is being made to take its place, of documents that are embedded anew. */
  readonly isPreparing?: boolean;
  /** The import whose files the other one is made of. Without this and {@link isPreparing}, what is there are remains. */
  readonly importing?: string;
  /** The last operations that have put one set in the place of the other, the latest one last. */
  readonly swaps?: readonly string[];
}

const NAME = 'root';
const VERSION = 1;
/** Swaps that are remembered: those whose answer may not have arrived when their tab died. */
const REMEMBERED = 16;

/** The small file that says which collection of an index counts. It is replaced as a whole, so a change of collections is a single write. */
export class Root {
  /** Why it is not known any more which state counts; it is, when the index is opened again. */
  private broken: unknown;

  private constructor(
    private readonly folder: IndexFolder,
    private known: RootState,
  ) {}

  /**
   * Reads the root; that of an index that is made now says that the first collection counts.
   *
   * @throws SternaError `corrupt-file` where it is damaged, missing, or of a later version; `storage-full`, `storage`.
   */
  static async open(folder: IndexFolder): Promise<Root> {
    const read = await readTwins<RootState>(folder, NAME, VERSION, isRoot);
    if (read && read !== 'damaged') {
      await mendTwins(folder, NAME, read);
      return new Root(folder, read);
    }
    // A root is there before anything else is: one that is not whole and alone was being written for the first time.
    const isNew = (await folder.names()).every((name) => !/^[ab]-/.test(name));
    if (!isNew) {
      throw new SternaError(
        'corrupt-file',
        `The roots of ${folder.location} are ${read ?? 'missing'}. Restore the index from an export, or index anew.`,
      );
    }
    const state: RootState = { version: VERSION, generation: 0, current: 'a' };
    await writeTwins(folder, NAME, state);
    return new Root(folder, state);
  }

  get state(): RootState {
    return this.known;
  }

  /** The set of files that does not count. */
  get other(): 'a' | 'b' {
    return this.known.current === 'a' ? 'b' : 'a';
  }

  /** Whether an operation has put one set in the place of the other. */
  hasSwapped(operation: string): boolean {
    return this.known.swaps?.includes(operation) ?? false;
  }

  /** Puts the other set in the place of the current one. @throws as {@link change}. */
  swap(operation: string): Promise<void> {
    const swaps = [...(this.known.swaps ?? []), operation].slice(-REMEMBERED);
    return this.change({ current: this.other, isPreparing: undefined, importing: undefined, swaps });
  }

  /** When it settles the change is durable. @throws SternaError `storage-full`, `storage`. */
  async change(changes: Partial<RootState>): Promise<void> {
    this.throwIfBroken();
    const state = { ...this.known, ...changes, generation: this.known.generation + 1 };
    try {
      await writeTwins(this.folder, NAME, state);
    } catch (error) {
      if ((error as SternaError).code === 'storage') this.broken = error;
      throw error;
    }
    this.known = state;
  }

  /** What would be added to a collection that may not count must not be acknowledged, nor may the other one be removed. */
  throwIfBroken(): void {
    if (this.broken) throw this.broken;
  }
}

function isRoot({ current, swaps }: Partial<RootState>): boolean {
  return (current === 'a' || current === 'b') && (swaps === undefined || Array.isArray(swaps));
}

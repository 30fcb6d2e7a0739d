import { SternaError } from '../errors.ts';
import { Journal } from '../index/collection/journal.ts';
import {
  FORMAT_VERSION,
  forgetManifest,
  isManifest,
  type Manifest,
  writeManifest,
} from '../index/collection/manifest.ts';
import { isGeneration } from '../index/collection/twin-files.ts';
import type { Slots } from './slots.ts';

/** Files of an import that was under way when the index was opened are kept so long, in milliseconds, unless it goes on. */
const PATIENCE = 60_000;

/**
 * Takes the files of an export in, and puts their collection in the place of the current one. An import has a name and is noted in the root: it goes on when
 * another process takes the files over in its middle, and it is not done twice.
 */
export class Imports {
  private readonly abandoned: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly slots: Slots) {
    const { importing } = slots.root.state;
    if (importing === undefined) return;
    this.abandoned = setTimeout(() => void this.cancel(importing).catch(() => {}), PATIENCE);
  }

  /** Begins an import, and gives up what was to take the current collection's place so far. */
  begin(operation: string): Promise<void> {
    return this.inTurn(operation, async () => {
      const { root } = this.slots;
      if (root.state.importing === operation || root.hasSwapped(operation)) return;
      await this.slots.discardNext();
      await root.change({ importing: operation });
    });
  }

  /** Writes bytes of a file. @throws SternaError `corrupt-file` for a name that is none of an index; `invalid-input`, `storage-full`, `storage`. */
  write(operation: string, name: string, at: number, bytes: Uint8Array): Promise<void> {
    return this.inTurn(operation, async () => {
      if (!/^(segment|deleted)-[0-9]+$/.test(name))
        throw new SternaError('corrupt-file', `"${name}" is no name of a file of an index.`);
      this.checkUnderWay(operation);
      const folder = this.slots.nextFolder;
      if (at === 0) await folder.remove(name);
      const file = (await folder.open(name, { create: true }))!;
      try {
        file.write(at, bytes);
        await file.flush();
      } finally {
        file.close();
      }
    });
  }

  /** Opens the collection of the files that were written, and puts it in the place of the current one. @throws SternaError `corrupt-file`, as {@link write}. */
  adopt(operation: string, json: string): Promise<void> {
    return this.inTurn(operation, async () => {
      const { slots } = this;
      if (slots.root.hasSwapped(operation)) return;
      const manifest = parseManifest(json);
      this.checkUnderWay(operation);
      const folder = slots.nextFolder;
      // The one that is written now counts, whatever is there.
      await forgetManifest(folder);
      (await Journal.create(folder, manifest.journal)).close();
      await writeManifest(folder, manifest);
      await slots.replace((await slots.openNext())!, operation);
    });
  }

  /** Gives an import up, if it is under way. */
  cancel(operation: string): Promise<void> {
    return this.inTurn(operation, async () => {
      if (this.slots.root.state.importing === operation) await this.slots.discardNext();
    });
  }

  /** Nothing is given up any more. */
  dispose(): void {
    clearTimeout(this.abandoned);
  }

  private inTurn(operation: string, work: () => Promise<void>): Promise<void> {
    if (operation === this.slots.root.state.importing) clearTimeout(this.abandoned);
    return this.slots.inTurn(work);
  }

  private checkUnderWay(operation: string): void {
    if (this.slots.root.state.importing === operation) return;
    throw new SternaError(
      'invalid-input',
      'This import was given up, because another one or reindex() has begun, or nothing was heard of it; import the file again.',
    );
  }
}

/** @throws SternaError `corrupt-file`. */
function parseManifest(json: string): Manifest {
  let manifest: Partial<Manifest> | null;
  try {
    manifest = JSON.parse(json);
  } catch (cause) {
    throw notAdoptable('it is no JSON', cause);
  }
  const { version, generation } = manifest ?? {};
  if (Number.isInteger(version) && version! > FORMAT_VERSION) {
    throw notAdoptable(
      `it is of version ${version} of the format and this library reads ${FORMAT_VERSION}; update the library`,
    );
  }
  const isFine = Number.isInteger(version) && isGeneration(generation) && isManifest(manifest!);
  if (!isFine) throw notAdoptable('it is not as it should be');
  return manifest as Manifest;
}

function notAdoptable(words: string, cause?: unknown): SternaError {
  return new SternaError('corrupt-file', `The manifest of the index cannot be used: ${words}.`, { cause });
}

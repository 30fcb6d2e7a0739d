import { SternaError } from '../../errors.ts';
import type { IndexFolder } from '../files/folder.ts';
import type { FunnelPlan } from '../funnel.ts';
import { CODE_KINDS, type CodeKind, MOST_DIMENSIONS } from '../vectors/code-layout.ts';
import { forgetTwins, mendTwins, readTwins, type Stated, writeTwins } from './twin-files.ts';

/** Raised with every change that readers of before would misread. */
export const FORMAT_VERSION = 1;

/** What is fixed when a collection is made. */
export interface CollectionSettings {
  /** How vectors of sealed segments are kept. */
  readonly codes: CodeKind;
  /** A finer second form that decides among what the first one proposes. */
  readonly rerank?: CodeKind;
  /** Most tokens of a passage. */
  readonly passageTokens: number;
  /** Whether there are postings of subwords. */
  readonly lexical: boolean;
  /** Length of the vectors; absent: the embedder's full one. */
  readonly dimensions?: number;
}

/** A sealed segment. */
export interface SegmentEntry {
  readonly file: string;
  readonly bytes: number;
  readonly documents: number;
  readonly rows: number;
  /** File of the documents that are deleted, where some are. */
  readonly deleted?: string;
}

/** The state of a collection: which files it consists of. */
export interface Manifest extends Stated {
  readonly settings: CollectionSettings;
  /** Absent until there is a vector. */
  readonly space?: { readonly id: string; readonly dimensions: number };
  readonly segments: readonly SegmentEntry[];
  readonly journal: string;
  /** Numbers of the next files. */
  readonly nextFile: number;
  /** Operations that were performed lately, so that one which is asked for again is recognised. */
  readonly operations: readonly string[];
  /** How segments are searched, and how many rows there were when that was measured. */
  readonly plan?: FunnelPlan & { readonly rows: number };
}

const NAME = 'manifest';

/** The names of the files that a collection consists of, manifests aside. */
export function filesOf({ segments, journal }: Pick<Manifest, 'segments' | 'journal'>): string[] {
  return [...segments.flatMap(({ file, deleted }) => (deleted ? [file, deleted] : [file])), journal];
}

/** Replaces the manifest; see `writeTwins`. @throws SternaError `storage-full`, `storage`. */
export function writeManifest(folder: IndexFolder, manifest: Manifest): Promise<void> {
  return writeTwins(folder, NAME, manifest);
}

/**
 * The latest manifest that is whole; nothing where there is none at all.
 *
 * @throws SternaError `corrupt-file` where there are manifests and all are damaged, or one is of a later version.
 */
export async function readManifest(folder: IndexFolder): Promise<Manifest | undefined> {
  const manifest = await readTwins<Manifest>(folder, NAME, FORMAT_VERSION, isManifest);
  if (manifest !== 'damaged') return manifest;
  // One that was never whole says nothing, as long as there is nothing else: its collection had not been made yet.
  if (!(await hasData(folder))) return undefined;
  throw new SternaError(
    'corrupt-file',
    `Both manifests of ${folder.location} are damaged, so its files cannot be told apart. Restore it from an export, or index anew.`,
  );
}

/** Makes both files hold the manifest; see `mendTwins`. */
export function mendManifest(folder: IndexFolder, manifest: Manifest): Promise<void> {
  return mendTwins(folder, NAME, manifest);
}

/** Makes the manifests unreadable; see `forgetTwins`. */
export function forgetManifest(folder: IndexFolder): Promise<void> {
  return forgetTwins(folder, NAME);
}

/** Whether there is any file besides manifests that is not empty. */
async function hasData(folder: IndexFolder): Promise<boolean> {
  for (const name of await folder.names()) {
    const file = name.startsWith(NAME) ? undefined : await folder.open(name);
    const size = file?.size ?? 0;
    file?.close();
    if (size > 0) return true;
  }
  return false;
}

/** Whether it is a manifest that leads nowhere else, and whose next files are not among those that are there. */
export function isManifest(value: Partial<Manifest>): boolean {
  const { settings, segments, journal, nextFile, operations, space, plan } = value;
  if (!Array.isArray(segments) || !segments.every(isEntry) || !isCount(nextFile)) return false;
  if (!isFileName('journal', journal) || !isSettings(settings)) return false;
  const files = filesOf({ segments, journal });
  const numbers = files.map((name) => Number(name.slice(name.indexOf('-') + 1)));
  return (
    new Set(files).size === files.length &&
    numbers.every((number) => number < nextFile) &&
    Array.isArray(operations) &&
    operations.every((operation) => typeof operation === 'string') &&
    (space === undefined || (typeof space?.id === 'string' && areDimensions(space.dimensions))) &&
    (plan === undefined || [plan?.planes, plan?.oversample].every(isAtLeastOne))
  );
}

function isEntry(value: Partial<SegmentEntry> | null): value is SegmentEntry {
  const { file, bytes, documents, rows, deleted } = value ?? {};
  return (
    isFileName('segment', file) &&
    [bytes, documents, rows].every(isCount) &&
    (deleted === undefined || isFileName('deleted', deleted))
  );
}

function isSettings(value: Partial<CollectionSettings> | null | undefined): value is CollectionSettings {
  const { codes, rerank, passageTokens, lexical, dimensions } = value ?? {};
  const isKind = (kind: unknown) => CODE_KINDS.includes(kind as CodeKind);
  return (
    isKind(codes) &&
    (rerank === undefined || isKind(rerank)) &&
    isAtLeastOne(passageTokens) &&
    typeof lexical === 'boolean' &&
    (dimensions === undefined || areDimensions(dimensions))
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 52;
}

function areDimensions(value: unknown): boolean {
  return isAtLeastOne(value) && (value as number) <= MOST_DIMENSIONS;
}

function isAtLeastOne(value: unknown): boolean {
  return isCount(value) && value > 0;
}

/** Names of the collection's own files lead nowhere else. */
function isFileName(kind: 'segment' | 'deleted' | 'journal', name: unknown): name is string {
  return (
    typeof name === 'string' && name.startsWith(`${kind}-`) && /^[a-z]+-(0|[1-9][0-9]{0,15})$/.test(name)
  );
}

import { SternaError } from '../../errors.ts';
import type { IndexFolder } from '../files/folder.ts';
import type { FunnelPlan } from '../funnel.ts';
import type { CodeKind } from '../vectors/code-layout.ts';
import { readTwins, type Stated, writeTwins } from './twin-files.ts';

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
  /** Range of the codes; absent until they are calibrated. */
  readonly range?: number;
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
  const hasData = (await folder.names()).some((name) => !name.startsWith(NAME));
  if (!hasData) return undefined;
  throw new SternaError(
    'corrupt-file',
    `Both manifests of ${folder.location} are damaged, so its files cannot be told apart. Restore it from an export, or index anew.`,
  );
}

function isManifest(value: Partial<Manifest>): boolean {
  const { settings, segments, journal, nextFile, operations, space } = value;
  const isEntry = ({ file, bytes, documents, rows, deleted }: SegmentEntry) =>
    isFileName(file) &&
    [bytes, documents, rows].every((one) => Number.isSafeInteger(one) && one >= 0) &&
    (deleted === undefined || isFileName(deleted));
  return (
    typeof settings === 'object' &&
    settings !== null &&
    Array.isArray(segments) &&
    segments.every((entry) => typeof entry === 'object' && entry !== null && isEntry(entry)) &&
    isFileName(journal) &&
    Number.isInteger(nextFile) &&
    Array.isArray(operations) &&
    (space === undefined || (typeof space.id === 'string' && Number.isInteger(space.dimensions)))
  );
}

/** Names of the collection's own files lead nowhere else. */
function isFileName(name: unknown): name is string {
  return typeof name === 'string' && /^[a-z]+-[0-9]+$/.test(name);
}

import { SternaError } from '../errors.ts';
import { KNOWN_MODELS, type KnownModel } from './known-models.ts';
import { repositoryOf } from './repository.ts';
import { addressOf, fileIn, lastPart } from './web-files.ts';

/** Where the hub is, unless a mirror is given. */
const HUB = 'https://huggingface.co/';

/** A folder of a model behind an address. */
export interface RemoteFolder {
  /** Name of the model. */
  readonly name: string;
  /** The folder; a query string goes with each file. */
  readonly address: URL;
  /** The commit, where the folder can never change. */
  readonly commit?: string;
  readonly known?: Pick<KnownModel, 'sha256' | 'golden'>;
}

/** Which version of a repository, and from where. */
export interface HubOptions {
  /** A branch, a tag or a commit. Default: the commit that this version of Sterna knows, else `main`. */
  readonly revision?: string;
  /** A mirror of the hub. */
  readonly baseUrl?: string | URL;
}

/**
 * The folder of a repository at a revision.
 *
 * @throws SternaError `invalid-input`.
 */
export function hubFolder(repository: string, { revision, baseUrl = HUB }: HubOptions = {}): RemoteFolder {
  const known = Object.hasOwn(KNOWN_MODELS, repository) ? KNOWN_MODELS[repository] : undefined;
  const chosen = revision ?? known?.revision ?? 'main';
  if (!/^[\w][\w./-]*$/.test(chosen) || chosen.includes('..'))
    throw new SternaError('invalid-input', `revision is "${chosen}"; needed: a branch, a tag or a commit.`);
  const base = String(baseUrl).replace(/\/*$/, '/');
  let address: URL;
  try {
    address = new URL(`${repository}/resolve/${encodeURIComponent(chosen)}`, base);
  } catch (cause) {
    throw new SternaError('invalid-input', `baseUrl is ${base}; needed: a full address.`, { cause });
  }
  return {
    name: repository.slice(repository.indexOf('/') + 1),
    address,
    commit: /^[\da-f]{40}$/.test(chosen) ? chosen : undefined,
    known: chosen === known?.revision ? known : undefined,
  };
}

/** The folder that a source names: a repository of the hub, or an address. */
export function remoteFolder(source: string | URL, options: HubOptions & { name?: string }): RemoteFolder {
  const repository = repositoryOf(String(source));
  if (repository !== undefined) return hubFolder(repository, options);
  const address = addressOf(source);
  return { name: options.name ?? lastPart(address.pathname) ?? address.host, address };
}

/** The address of a file in a folder. */
export function addressIn({ address }: RemoteFolder, path: string): URL {
  return fileIn(address, path);
}

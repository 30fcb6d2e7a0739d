import type { ModelSource } from '../types.ts';
import { openFiles, openInBrowser } from './browser-library.ts';
import type { HubOptions } from './hub.ts';
import type { ModelOpener } from './model-opener.ts';
import type { RemoteFetch } from './remote/page-fetch.ts';
import type { RetryPolicy } from './remote/retry.ts';
import { type FilesOptions, webFiles } from './web-files.ts';

/** How to open a source. */
export interface SourceOptions extends FilesOptions, HubOptions {
  /** Whether models behind addresses are kept for the next visit. */
  readonly keep: boolean;
  /** The page's own fetch, to be used in place of the browser's. */
  readonly pageFetch?: RemoteFetch;
  readonly retry?: RetryPolicy;
}

/**
 * How to open a model in a browser: from a repository or a folder behind an address by way of the library, and from files as they
 * are.
 *
 * @throws SternaError `invalid-input`.
 */
export function sourceOpener(source: ModelSource, options: SourceOptions): ModelOpener {
  return typeof source === 'string' || source instanceof URL
    ? openInBrowser(source, options)
    : openFiles(webFiles(source, options));
}

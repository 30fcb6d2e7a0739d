import { SternaError, type SternaErrorCode } from '../src/index.ts';
import { element, showStatus } from './view.ts';

/** What a visitor can do: some words, and an address that does it. */
interface Advice {
  readonly words: string;
  readonly label: string;
  /** Of this page; empty: without any wishes. */
  readonly query?: string;
}

const OTHER_DEVICE: Advice = { words: 'There are other devices:', label: 'take the fastest', query: '' };
const WITHOUT_FILES: Advice = {
  words: 'The files of this site can be removed in the browser’s settings. Or',
  label: 'go on with an index in memory',
  query: '?keep=no',
};
const AGAIN: Advice = { words: 'Often it helps to', label: 'load the page again' };
const NO_CONNECTION: Advice = { words: 'The model comes once you are online;', label: 'try again' };

const ADVICE: Partial<Record<SternaErrorCode, Advice>> = {
  'no-webgpu': OTHER_DEVICE,
  'no-wasm': OTHER_DEVICE,
  'no-float16': OTHER_DEVICE,
  limits: OTHER_DEVICE,
  'wrong-results': OTHER_DEVICE,
  'not-finite': OTHER_DEVICE,
  'corrupt-file': WITHOUT_FILES,
  storage: WITHOUT_FILES,
  'storage-full': {
    words: 'Remove some of your texts, or',
    label: 'go on with an index in memory',
    query: '?keep=no',
  },
  network: NO_CONNECTION,
};

/** Shows what went wrong: its code, what was found and needed, and what to do. */
export function showError(error: unknown): void {
  const { code, message } =
    error instanceof SternaError ? error : { code: undefined, message: String(error) };
  const { words, label, query } = (code && ADVICE[code]) ?? AGAIN;
  showStatus('Stopped.', 1);
  element('error-code').textContent = code ?? 'error';
  element('error-message').textContent = message;
  element('error-advice').textContent = words;
  const action = element<HTMLAnchorElement>('error-action');
  action.textContent = `${label}.`;
  action.href = `${location.pathname}${query ?? location.search}`;
  element('error').hidden = false;
}

export function hideError(): void {
  element('error').hidden = true;
}

/** Says so while there is no connection. Once the model is here, nothing needs one. */
export function watchConnection(): void {
  const show = () => {
    element('offline').hidden = navigator.onLine;
  };
  addEventListener('online', show);
  addEventListener('offline', show);
  show();
}

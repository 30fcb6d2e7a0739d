import type { ExchangeHeader } from './exchange.ts';
import { corrupt, invalid } from './refusals.ts';

/** Key of the header among a file's own metadata. */
export const HEADER_KEY = 'sterna';

const VERSION = 1;

/** Longest vector that is written or read. */
export const MOST_DIMENSIONS = 65536;

/** The header as JSON. @throws SternaError `invalid-input`. */
export function writeHeader(header: ExchangeHeader): string {
  const wrong = faultOf(header);
  if (wrong) throw invalid(`The header of the export has ${wrong}.`);
  const { space, dimensions, passageTokens, model } = header;
  return JSON.stringify({ version: VERSION, space, dimensions, passageTokens, model });
}

/** @throws SternaError `corrupt-file`. */
export function readHeader(what: string, json: string): ExchangeHeader {
  let saved: (ExchangeHeader & { version?: unknown }) | null;
  try {
    saved = JSON.parse(json);
  } catch (error) {
    throw corrupt(what, `its "${HEADER_KEY}" is not JSON`, error);
  }
  const version = saved?.version;
  if (Number.isInteger(version) && (version as number) > VERSION) {
    throw corrupt(
      what,
      `it is version ${version} of the export and this library reads ${VERSION}; update the library`,
    );
  }
  const wrong = version === VERSION ? faultOf(saved!) : 'no version';
  if (wrong) throw corrupt(what, `its "${HEADER_KEY}" has ${wrong}`);
  const { space, dimensions, passageTokens, model } = saved!;
  return { space, dimensions, passageTokens, model };
}

function faultOf({ space, dimensions, passageTokens, model }: ExchangeHeader): string | undefined {
  if (typeof space !== 'string' || space === '') return 'no space; needed: the id of one';
  if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > MOST_DIMENSIONS)
    return `${dimensions} dimensions; needed: a whole number from 1 to ${MOST_DIMENSIONS}`;
  if (passageTokens !== undefined && !(Number.isInteger(passageTokens) && passageTokens > 0))
    return `${passageTokens} passageTokens; needed: a whole number of at least 1`;
  return model !== undefined && typeof model !== 'string' ? 'a model that is no string' : undefined;
}

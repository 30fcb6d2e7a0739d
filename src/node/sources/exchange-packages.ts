import { UsageError } from '../json-lines.ts';

/** Files for other databases, by the ends of their names. Their packages are installed by whoever uses such files. */
export type ExchangeKind = 'parquet' | 'arrow';

/** The kind of file that a path names. */
export function exchangeKindOf(path: string): ExchangeKind | undefined {
  if (/\.parquet$/i.test(path)) return 'parquet';
  return /\.(arrow|arrows|feather|ipc)$/i.test(path) ? 'arrow' : undefined;
}

/** @throws UsageError where the packages are not installed. */
export function loadParquet(): Promise<typeof import('../../exchange/parquet.ts')> {
  return import('../../exchange/parquet.ts').catch(missing('hyparquet hyparquet-writer'));
}

/** @throws UsageError where the package is not installed. */
export function loadArrow(): Promise<typeof import('../../exchange/arrow.ts')> {
  return import('../../exchange/arrow.ts').catch(missing('apache-arrow'));
}

function missing(packages: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new UsageError(`Such files need packages that are not installed: npm install ${packages}`);
  };
}

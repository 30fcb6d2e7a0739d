import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SternaError } from '../errors.ts';
import { storageFailed } from '../index/files/errors.ts';

/**
 * Takes a folder for this process: two that write to one index would destroy it. The lock of a process that is no more is taken over.
 *
 * @returns gives it free.
 * @throws SternaError `storage` where another process has it.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'lock');
  for (let tries = 0; ; tries++) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw storageFailed(path, error);
      const holder = holderOf(path);
      if (holder !== undefined || tries > 2) {
        throw new SternaError(
          'storage',
          `The index in ${folder} is open in process ${holder ?? 'unknown'}. End it, or use another folder.`,
        );
      }
      rmSync(path, { force: true });
    }
  }
}

/** The living process that a lock names. */
function holderOf(path: string): number | undefined {
  let pid: number;
  try {
    pid = Number(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  try {
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    // Somebody else's process is alive, too.
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? pid : undefined;
  }
}

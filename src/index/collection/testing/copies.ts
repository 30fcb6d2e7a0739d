import type { IndexFolder } from '../../files/folder.ts';
import { MemoryFolder } from '../../files/memory-folder.ts';

/** All files of a folder. */
export async function filesOf(folder: IndexFolder): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const name of await folder.names()) {
    const file = (await folder.open(name))!;
    const bytes = new Uint8Array(file.size);
    file.read(0, bytes);
    file.close();
    files.set(name, bytes);
  }
  return files;
}

/** A folder with these files. */
export async function folderOf(files: Iterable<readonly [string, Uint8Array]>): Promise<MemoryFolder> {
  const folder = new MemoryFolder();
  for (const [name, bytes] of files) (await folder.open(name, { create: true }))!.write(0, bytes);
  return folder;
}

/** Flips a bit, or cuts the end off. */
export function damaged(bytes: Uint8Array, random: () => number): Uint8Array {
  const at = Math.floor(random() * bytes.length);
  if (random() < 0.25) return bytes.slice(0, at);
  const copy = bytes.slice();
  copy[at] ^= 1 << Math.floor(random() * 8);
  return copy;
}

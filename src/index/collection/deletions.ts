import type { IndexFolder } from '../files/folder.ts';
import type { IdTable } from '../ids/id-table.ts';
import { frame, unframe } from './frame.ts';
import { corrupt } from './section-file.ts';

/** Writes which documents of a segment are removed, as one bit for each that is not. */
export async function writeDeletions(folder: IndexFolder, name: string, ids: IdTable): Promise<void> {
  const kept = ids.mask()!;
  const file = (await folder.open(name, { create: true }))!;
  try {
    const bytes = frame(new Uint8Array(kept.buffer, kept.byteOffset, kept.byteLength));
    file.write(0, bytes);
    file.truncate(bytes.length);
    await file.flush();
  } finally {
    file.close();
  }
}

/** Removes the ids that {@link writeDeletions} has noted. @throws SternaError `corrupt-file`. */
export async function readDeletions(folder: IndexFolder, name: string, ids: IdTable): Promise<void> {
  const path = `${folder.location}/${name}`;
  const file = await folder.open(name);
  if (!file) throw corrupt(path, 'it is missing');
  try {
    const bytes = new Uint8Array(file.size);
    file.read(0, bytes);
    const kept = unframe(bytes, 0)?.slice();
    if (kept?.length !== 4 * Math.ceil(ids.length / 32)) throw corrupt(path, 'its checksum does not match');
    const words = new Uint32Array(kept.buffer);
    for (let document = 0; document < ids.length; document++)
      if (!((words[document >> 5] >>> (document & 31)) & 1)) ids.remove(document);
  } finally {
    file.close();
  }
}

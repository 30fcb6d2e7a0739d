/**
 * What an index has to hold: what was acknowledged, and of each call that was not, its documents as they were or as they were to be.
 *
 * A document is an id and a version, 0 where there is none; its text follows from both.
 */
export class Truth {
  /** Versions by id. */
  versions = new Map();
  /** Calls that began and were not acknowledged, oldest first. */
  open = new Set();
  /** Revision of the embedder that the vectors are of, and those that they may be of. */
  revisions = new Set();

  /** Ids with documents that no open call has to do with. */
  settledIds() {
    const busy = new Set([...this.open].flatMap(({ changes }) => [...changes.keys()]));
    return [...this.versions.keys()].filter((id) => !busy.has(id));
  }

  /**
   * A call begins.
   *
   * @param changes - versions by id, in the order in which they are done.
   * @param isWhole - whether all of them are done, or none.
   */
  begin(changes, isWhole) {
    const call = { changes, isWhole };
    this.open.add(call);
    return call;
  }

  acknowledge(call) {
    this.open.delete(call);
    for (const [id, version] of call.changes) this.set(id, version);
  }

  /**
   * Compares with what is there, and takes it as the truth from now on.
   *
   * @param found - versions by id.
   * @returns what is wrong, in words, and how many open calls were done, partly done and not done.
   */
  settle(found) {
    const wrong = [];
    const outcome = { done: 0, partly: 0, undone: 0 };
    const at = (id) => found.get(id) ?? 0;
    const before = (id) => this.versions.get(id) ?? 0;
    const free = new Set();
    for (const { changes, isWhole } of this.open) {
      const states = [...changes].map(([id, version]) => {
        free.add(id);
        if (at(id) === version) return 'new';
        if (at(id) === before(id)) return 'old';
        wrong.push(`${id} is of version ${at(id)}; it was of ${before(id)} and was to be of ${version}`);
        return 'wrong';
      });
      const done = states.filter((state) => state === 'new').length;
      if (states.slice(0, done).includes('old'))
        wrong.push(`a call was done out of order: ${states.join(' ')}`);
      const isPart = done > 0 && done < states.length;
      if (isPart && isWhole) wrong.push(`half of a call was done: ${states.join(' ')}`);
      outcome[isPart ? 'partly' : done > 0 ? 'done' : 'undone']++;
    }
    for (const id of new Set([...found.keys(), ...this.versions.keys()]))
      if (!free.has(id) && at(id) !== before(id))
        wrong.push(`${id} is of version ${at(id)}, and version ${before(id)} was acknowledged`);
    this.open.clear();
    this.versions = new Map(found);
    return { wrong, outcome };
  }

  set(id, version) {
    if (version === 0) this.versions.delete(id);
    else this.versions.set(id, version);
  }
}

/**
 * Something that does work for this tab, and can be had by all tabs of an origin together: an engine, an index.
 *
 * Where it is shared, work and products cross tabs: both must be fit for structured clone, and work must stay as it is until it is
 * done, because it may have to be sent again. **Work is delivered at least once**: when a leader goes, nobody knows how far it came
 * with what it had not answered, so the next one is given it, too. Work that must not be done twice carries an id by which
 * the service recognises it.
 */
export interface Service<Work, Product, Report> {
  /** What is to be known of the service. It crosses tabs as well, and work may change it. */
  readonly report: Report;
  /**
   * @param signal - aborted when nobody waits for the product any more.
   * @param onProgress - told how much of the work is done, a number that grows.
   */
  perform(work: Work, signal?: AbortSignal, onProgress?: (progress: number) => void): Promise<Product>;
  /** Ends the service; work under way is refused. */
  dispose(): void;
}

/**
 * Starts a service in this tab, where it leads.
 *
 * The service before it may still be there for a moment: a tab that hangs cannot dispose of what it has, although its worker runs
 * on. A service that owns what can be had only once, as open files, holds it in its worker under a place of its own (`Leadership`),
 * which the next one seizes.
 *
 * @param signal - aborted when this tab leads no more before the service is there.
 * @param onProgress - told how far the start is; all tabs that wait for the service hear it.
 * @param before - report of the service before this one, if there was one that this tab knows of.
 */
export type StartService<Work, Product, Report, Loading> = (
  signal: AbortSignal,
  onProgress: (progress: Loading) => void,
  before?: Report,
) => Promise<Service<Work, Product, Report>>;

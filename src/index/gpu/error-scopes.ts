/** What was done on a device, and the news of it that comes later. */
export interface Watched<T> {
  readonly value: T;
  /** The error that the device reported, if any; null also where the device is lost. */
  readonly error: Promise<GPUError | null>;
}

/**
 * Does something on a device and watches for errors of it. They come late and to nobody else, as an encoder may use the same
 * device and listen to its errors.
 */
export function watch<T>(device: GPUDevice, work: () => T): Watched<T> {
  const scopes: GPUErrorFilter[] = ['validation', 'out-of-memory'];
  for (const scope of scopes) device.pushErrorScope(scope);
  const pop = () => Promise.all(scopes.map(() => device.popErrorScope()));
  try {
    const value = work();
    const error = pop().then(
      (errors) => errors.find((one) => one !== null) ?? null,
      () => null,
    );
    return { value, error };
  } catch (reason) {
    pop().catch(() => {});
    throw reason;
  }
}

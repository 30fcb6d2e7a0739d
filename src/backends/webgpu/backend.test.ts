import { describe, expect, test } from 'vitest';
import { nodeGpu } from '../../node/gpu.ts';
import { pack } from '../../text/pack.ts';
import { shapes, testAgainstReference } from '../testing/backend-suite.ts';
import { WebGpuBackend } from './backend.ts';
import { openDevice } from './device.ts';

const gpu = await nodeGpu().catch(() => undefined);

describe.skipIf(!gpu)(
  'the WebGPU backend agrees with the reference (skipped where Node finds no adapter)',
  () => {
    testAgainstReference(async () => new WebGpuBackend(await openDevice(gpu)));

    test('a batch larger than a binding of the device is refused with both sizes', async () => {
      const backend = new WebGpuBackend(await openDevice(gpu));
      backend.begin(pack([new Uint32Array(3)]));
      expect(() => backend.activation(2 ** 20, 64, 'huge')).toThrow(/268435456 bytes .* 134217728/);
      backend.dispose();
    });

    test('a lost device rejects what is under way and all that follows', async () => {
      const opened = await openDevice(gpu);
      const backend = new WebGpuBackend(opened);
      await backend.prepare(shapes[0][1]);
      const batch = pack([new Uint32Array(3)]);
      backend.begin(batch);
      const tensor = backend.activation(3, 96, 'x');
      const reading = backend.read(tensor);
      opened.device.destroy();
      await expect(reading).rejects.toMatchObject({ code: 'device-lost' });
      expect(() => backend.begin(batch)).toThrow(/went away/);
    });
  },
);

test('without WebGPU the error says what to do', async () => {
  await expect(openDevice(undefined)).rejects.toMatchObject({
    code: 'no-webgpu',
    message: expect.stringContaining('device "reference"'),
  });
});

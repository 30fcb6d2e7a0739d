import { existsSync, readdirSync } from 'node:fs';
import { constants, homedir } from 'node:os';
import { join } from 'node:path';
import { SternaError } from '../errors.ts';

/** Keeps a library in memory although its loading is reported as failed (glibc's RTLD_NODELETE). */
const RTLD_NODELETE = 0x1000;

const SOFTWARE_DRIVER = 'vk_swiftshader_icd.json';

/** One instance for the process: Dawn does not survive that it is collected while its devices live. */
let instance: Promise<GPU> | undefined;

/**
 * WebGPU in Node, from the optional package `webgpu` (Dawn). Where a Linux machine has no Vulkan driver of its own, the
 * software driver (SwiftShader) of an installed Chromium is used.
 *
 * @throws SternaError `no-webgpu` where the package is not installed or finds no adapter.
 */
export async function nodeGpu(): Promise<GPU> {
  instance ??= makeInstance();
  return instance;
}

async function makeInstance(): Promise<GPU> {
  const dawn = await loadDawn();
  const chromium = process.platform === 'linux' ? chromiumFolder() : undefined;
  if (chromium && !isLoadable('libvulkan.so.1')) isLoadable(join(chromium, 'libvulkan.so.1'));
  const gpu = dawn.create([]);
  if (await gpu.requestAdapter()) return gpu;
  if (chromium && !process.env.VK_ICD_FILENAMES) {
    process.env.VK_ICD_FILENAMES = join(chromium, SOFTWARE_DRIVER);
    const software = dawn.create([]);
    if (await software.requestAdapter()) return software;
  }
  throw new SternaError(
    'no-webgpu',
    'The package "webgpu" is installed and finds no adapter. Install a Vulkan driver (Debian: mesa-vulkan-drivers, or chromium ' +
      'for a software adapter), name one in VK_ICD_FILENAMES, or choose device "reference".',
  );
}

async function loadDawn(): Promise<{ create(flags: string[]): GPU }> {
  // The name is a variable, so that bundlers leave this optional package alone.
  const name = 'webgpu';
  try {
    return await import(/* @vite-ignore */ name);
  } catch (error) {
    throw new SternaError(
      'no-webgpu',
      'WebGPU in Node needs the package "webgpu": run `npm install webgpu`, or choose device "reference".',
      { cause: error },
    );
  }
}

/**
 * Whether the dynamic linker finds a library, which then stays in memory: a later look for the same file name, such as
 * Dawn's for the Vulkan loader, is answered with it. It is no Node addon, so Node reports a failure either way.
 */
function isLoadable(library: string): boolean {
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_NOW | RTLD_NODELETE);
    return true;
  } catch (error) {
    return /self-register/.test((error as Error).message);
  }
}

/** The folder of an installed Chromium or Chrome that brings SwiftShader along. */
function chromiumFolder(): string | undefined {
  return chromiumFolders().find((folder) => existsSync(join(folder, SOFTWARE_DRIVER)));
}

function chromiumFolders(): string[] {
  const system = [
    '/usr/lib/chromium',
    '/usr/lib64/chromium',
    '/usr/lib/chromium-browser',
    '/opt/google/chrome',
  ];
  const playwright = process.env.PLAYWRIGHT_BROWSERS_PATH ?? join(homedir(), '.cache/ms-playwright');
  if (!existsSync(playwright)) return system;
  const downloads = readdirSync(playwright).filter((name) => /^chromium-\d+$/.test(name));
  return [
    ...system,
    ...downloads.flatMap((name) =>
      ['chrome-linux', 'chrome-linux64'].map((sub) => join(playwright, name, sub)),
    ),
  ];
}

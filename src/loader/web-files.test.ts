import type { RequestListener } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import type { LoadProgress, ModelSource } from '../types.ts';
import { readAll } from './files.ts';
import { refusal } from './testing/refusal.ts';
import { serve, type TestServer } from './testing/server.ts';
import { webFiles } from './web-files.ts';

let server: TestServer | undefined;

afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
});

/** Starts a server that answers everything in one way. */
async function answering(listener: RequestListener): Promise<string> {
  server = await serve(listener);
  return `${server.origin}/models/arctic`;
}

/** Text of a file; undefined where there is none. */
async function textOf(source: ModelSource, name = 'config.json'): Promise<string | undefined> {
  const file = await webFiles(source).open(name);
  return file && new TextDecoder().decode(await readAll(file));
}

describe('an address', () => {
  test('is of the folder, with or without a slash at its end, as a string or a URL', async () => {
    const folder = await answering((_, response) => response.end('{"a":1}'));
    for (const source of [folder, `${folder}/`, new URL(folder), new URL(`${folder}/`)]) {
      expect(webFiles(source).label).toBe('arctic');
      expect(await textOf(source)).toBe('{"a":1}');
    }
    expect(new Set(server!.asked)).toEqual(new Set(['/models/arctic/config.json']));
  });

  test('gives its query string to each file', async () => {
    const folder = await answering((_, response) => response.end());
    await webFiles(`${folder}/?token=7&v=2`).open('config.json');
    expect(server!.asked).toEqual(['/models/arctic/config.json?token=7&v=2']);
  });

  test('names the model by its last part, or its host, or as it is told', () => {
    expect(webFiles('https://tern.example/m%C3%B6we/').label).toBe('möwe');
    expect(webFiles('https://tern.example/100%/').label).toBe('100%');
    expect(webFiles('https://tern.example').label).toBe('tern.example');
    expect(webFiles('https://tern.example/a', { name: 'nano' }).label).toBe('nano');
    expect(webFiles('https://tern.example/a/').location).toBe('https://tern.example/a/');
  });

  test.each(['/models/arctic', 'arctic', ''])('that is not a full one (%j) is refused', async (source) => {
    expect(await refusal(() => webFiles(source))).toMatch(
      /^invalid-input: model is .*; needed: a full address/,
    );
  });

  test.each([404, 410])('whose server says %i has no such file', async (status) => {
    const folder = await answering((_, response) => response.writeHead(status).end('Not here'));
    expect(await textOf(folder)).toBeUndefined();
  });

  test.each(['text/html', 'text/html; charset=utf-8', 'Text/HTML'])(
    'that is answered with a page (%s) has no such file',
    async (type) => {
      const page = '<!DOCTYPE html><title>App</title>';
      const folder = await answering((_, response) =>
        response.writeHead(200, { 'content-type': type }).end(page),
      );
      expect(await textOf(folder)).toBeUndefined();
      expect(await textOf(folder, 'index.html')).toBe(page);
    },
  );

  test.each([401, 403, 429, 500, 503])('whose server says %i is a failure of the network', async (status) => {
    const folder = await answering((_, response) =>
      response.writeHead(status, { 'content-type': 'text/html' }).end('<p>Sorry</p>'),
    );
    const said = await refusal(() => webFiles(folder).open('config.json'));
    expect(said).toContain(`network: ${folder}/config.json answers ${status}`);
    expect(said).toMatch(/Check the address and the connection, and try again\.$/);
  });

  test('that nobody listens at is a failure of the network that names it', async () => {
    const folder = await answering((_, response) => response.end());
    await server![Symbol.asyncDispose]();
    server = undefined;
    const said = await refusal(() => webFiles(folder).open('config.json'));
    expect(said).toContain(`network: ${folder}/config.json cannot be downloaded`);
  });

  test('whose connection is cut in the middle is a failure of the network', async () => {
    const folder = await answering((_, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('half', () => response.socket?.destroy());
    });
    expect(await refusal(() => webFiles(folder).open('model.safetensors'))).toMatch(
      /^network: .*\/model\.safetensors /,
    );
  });

  test('whose answer is compressed gives the file, and no total, as its length is another', async () => {
    const text = 'tern '.repeat(1000);
    const told: LoadProgress[] = [];
    const folder = await answering((_, response) => {
      const body = gzipSync(text);
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': body.length }).end(body);
    });
    const file = await webFiles(folder, { onProgress: (progress) => told.push(progress) }).open('a.json');
    expect(file?.size).toBe(text.length);
    expect(new Set(told.map(({ total }) => total))).toEqual(new Set([0]));
  });

  test('may hold an empty file', async () => {
    const folder = await answering((_, response) => response.writeHead(204).end());
    expect(await textOf(folder)).toBe('');
  });

  test('is downloaded whole, once, with its progress told up to the total', async () => {
    // More than the downloader gathers before it hands over, so that pieces are put together.
    const bytes = Uint8Array.from({ length: 40_000_001 }, (_, i) => (i * 2654435761) >>> 24);
    const told: LoadProgress[] = [];
    const folder = await answering((_, response) => {
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    });
    const file = await webFiles(folder, { onProgress: (progress) => told.push(progress) }).open(
      'model.safetensors',
    );
    expect(file?.size).toBe(bytes.length);
    expect(Buffer.compare(await file!.read(0, bytes.length), bytes)).toBe(0);
    expect(await file!.read(16_777_210, 16_777_222)).toEqual(bytes.slice(16_777_210, 16_777_222));
    expect(server!.asked).toHaveLength(1);
    expect(told[0]).toEqual({ phase: 'download', item: 'model.safetensors', loaded: 0, total: bytes.length });
    expect(told.at(-1)!.loaded).toBe(bytes.length);
    expect(told.every(({ loaded }, i) => i === 0 || loaded > told[i - 1].loaded)).toBe(true);
  });

  test('that is aborted while it is downloaded rejects with the reason of the signal', async () => {
    const folder = await answering((_, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('half');
    });
    const controller = new AbortController();
    const reason = new Error('The user has left');
    const onProgress = ({ loaded }: LoadProgress) => loaded > 0 && controller.abort(reason);
    const files = webFiles(folder, { signal: controller.signal, onProgress });
    await expect(files.open('model.safetensors')).rejects.toBe(reason);
    await expect(files.open('config.json')).rejects.toBe(reason);
    expect(server!.asked).toHaveLength(1);
  });
});

describe('a record', () => {
  test('has the files that it names, behind addresses and in Blobs, and no others', async () => {
    const folder = await answering(({ url }, response) => response.end(url));
    const record = {
      'config.json': new Blob(['{}']),
      'tokenizer.json': `${folder}/t?v=1`,
      'model.safetensors': new URL(`${folder}/m`),
    };
    expect(await textOf(record)).toBe('{}');
    expect(await textOf(record, 'tokenizer.json')).toBe('/models/arctic/t?v=1');
    expect(await textOf(record, 'model.safetensors')).toBe('/models/arctic/m');
    expect(await textOf(record, 'toString')).toBeUndefined();
    expect(webFiles(record).label).toBe('model');
  });

  test('with an address that is none is refused by the name of the file', async () => {
    const files = webFiles({ 'config.json': 'somewhere' });
    expect(await refusal(() => files.open('config.json'))).toMatch(
      /^invalid-input: The address of config\.json is somewhere; needed: a full address/,
    );
  });
});

describe('a list of files', () => {
  /** A file as `<input webkitdirectory>` gives it, or as it is dropped, without a path. */
  function fileAt(path: string, content = path): File {
    const file = new File([content], path.split('/').at(-1)!);
    return Object.defineProperty(file, 'webkitRelativePath', { value: path.includes('/') ? path : '' });
  }

  test('is read by name', async () => {
    const files = [fileAt('config.json', '{}'), fileAt('model.safetensors', 'weights')];
    expect(await textOf(files)).toBe('{}');
    expect(await textOf(files, 'model.safetensors')).toBe('weights');
    expect(await textOf(files, 'tokenizer.json')).toBeUndefined();
    expect(webFiles(files).label).toBe('model');
  });

  test('of a published model’s folder is read at its top, not in the folders below', async () => {
    const files = [
      fileAt('arctic-m/1_Pooling/config.json'),
      fileAt('arctic-m/onnx/model.onnx'),
      fileAt('arctic-m/onnx/tokenizer.json'),
      fileAt('arctic-m/config.json'),
    ];
    expect(webFiles(files).label).toBe('arctic-m');
    expect(webFiles(files).location).toBe('the chosen folder arctic-m');
    expect(await textOf(files)).toBe('arctic-m/config.json');
    expect(await textOf(files, 'tokenizer.json')).toBeUndefined();
  });

  test('of a folder around the model’s is read where config.json is', async () => {
    const files = [fileAt('models/readme.md'), fileAt('models/arctic-m/config.json')];
    expect(webFiles(files).label).toBe('arctic-m');
    expect(await textOf(files)).toBe('models/arctic-m/config.json');
  });

  test('of two models is refused', async () => {
    const folders = webFiles([fileAt('models/a/config.json'), fileAt('models/b/config.json')]);
    expect(await refusal(() => folders.open('config.json'))).toBe(
      'invalid-input: There is a config.json in each of models/a, models/b; needed: the files of one model. Choose its folder.',
    );
    const dropped = webFiles([fileAt('config.json'), fileAt('config.json')]);
    expect(await refusal(() => dropped.open('config.json'))).toMatch(
      /^invalid-input: 2 of the files are called/,
    );
  });

  test('that is empty has no files', async () => {
    expect(await textOf([])).toBeUndefined();
  });
});

describe('a directory handle', () => {
  /** As much of a directory as is asked of it. */
  function directory(
    files: Record<string, string | DOMException>,
    name = 'arctic-l',
  ): FileSystemDirectoryHandle {
    const getFileHandle = async (file: string) => {
      const found = files[file] ?? new DOMException('No such file', 'NotFoundError');
      if (found instanceof DOMException) throw found;
      return { getFile: async () => new File([found], file) };
    };
    return { kind: 'directory', name, getFileHandle } as unknown as FileSystemDirectoryHandle;
  }

  test('has the files in it, and its name is the model’s', async () => {
    const handle = directory({ 'config.json': '{}' });
    expect(webFiles(handle).label).toBe('arctic-l');
    expect(await textOf(handle)).toBe('{}');
    expect(await textOf(handle, 'tokenizer.json')).toBeUndefined();
    expect(webFiles(directory({}, '')).label).toBe('model');
  });

  test('that may not be read is refused with the reason', async () => {
    const handle = directory({
      'config.json': new DOMException('Permission was withdrawn', 'NotAllowedError'),
    });
    expect(await refusal(() => textOf(handle))).toBe(
      'model-not-found: config.json in the folder arctic-l cannot be opened: Permission was withdrawn. Choose the folder again.',
    );
  });
});

test.each([undefined, null, 7, true])('%s is no source of files', async (source) => {
  expect(await refusal(() => webFiles(source as unknown as ModelSource))).toMatch(
    /^invalid-input: model is /,
  );
});

/**
 * The server of the browser tests: the built demo at /, the built package at /package/, the fixtures at /fixtures/ where
 * they are, onnxruntime and transformers.js at /node_modules/, and the pages of this folder at /pages/.
 */
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { serveFolders } from './serve.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

createServer(
  serveFolders([
    ['/package/', here('..')],
    ['/fixtures/', here('../../shared/fixtures')],
    ['/node_modules/', here('../node_modules')],
    ['/pages/', here('pages')],
    ['/', here('../dist-demo')],
  ]),
).listen(Number(process.argv[2] ?? 4179), 'localhost');

import './no-relaxed-simd.mjs';
import '/package/dist/index-worker.js';

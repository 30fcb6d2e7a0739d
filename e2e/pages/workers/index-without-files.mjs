import './no-sync-access.mjs';
import '/package/dist/index-worker.js';

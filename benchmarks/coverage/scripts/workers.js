const { Worker, isMainThread, parentPort } = require('worker_threads');
if (isMainThread) { const w = new Worker(__filename);
  w.on('message', m => console.log(m)); w.on('exit', c => console.log('exit', c));
} else { parentPort.postMessage(require('fs').readFileSync('notes').length); }

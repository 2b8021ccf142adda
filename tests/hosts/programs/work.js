// Compiled code, workers, children, promises, collections of garbage.
'use strict';
const fs = require('fs');
const os = require('os');
const path = require('path');
const { execFileSync, spawnSync } = require('child_process');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');

function busy(n) {
  let sum = 0;
  for (let i = 0; i < n; i++) sum = (sum * 31 + (i ^ (i >> 3))) | 0;
  return sum;
}

function inWorker() {
  let length = 0;
  for (let i = 0; i < 20; i++) length += fs.readFileSync('/dev/null').length;
  const blocks = [];
  for (let i = 0; i < 2000; i++) blocks.push({ i, text: 'x'.repeat(50) });
  parentPort.postMessage(busy(workerData * 100000) + length + blocks.length);
}

function started(n) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(__filename, { workerData: n });
    worker.on('message', resolve);
    worker.on('error', reject);
  });
}

async function main() {
  let sum = 0;
  for (let i = 0; i < 50; i++) sum = (sum + busy(20000 + i)) | 0;
  console.log('compiled:', sum);
  console.log('workers:', (await Promise.all([1, 2, 3].map(started))).join(' '));
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'work-'));
  const names = Array.from({ length: 40 }, (_, i) => path.join(folder, `${i}`));
  await Promise.all(names.map((each) => fs.promises.writeFile(each, each)));
  console.log('files:', (await fs.promises.readdir(folder)).length);
  fs.rmSync(folder, { recursive: true });
  console.log('child:', execFileSync('sh', ['-c', 'echo from the shell']).toString().trim());
  console.log('status:', spawnSync('sh', ['-c', 'exit 3']).status);
  let caught = 0;
  for (let i = 0; i < 300; i++) {
    try {
      null.field;
    } catch {
      caught++;
    }
  }
  console.log('exceptions:', caught);
  let kept = [];
  for (let i = 0; i < 30; i++) kept = Array.from({ length: 5000 }, (_, k) => ({ k }));
  global.gc();
  console.log('collected:', kept.length);
  console.log('note:', fs.readFileSync('note', 'utf8').trim());
  process.exitCode = 7;
}

if (isMainThread) main();
else inWorker();

const fs = require('fs'); fs.writeFileSync('node.out', 'x'.repeat(70000));
fs.mkdirSync('made/deep', {recursive: true});
console.log(fs.readdirSync('tree').sort().join());
console.log(require('crypto').createHash('sha256').update('a').digest('hex'));
fs.promises.readFile('notes', 'utf8').then(t => { console.log(t.length);
  console.log(require('child_process').execFileSync('cat', ['notes']).length); });

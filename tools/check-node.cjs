// Says so, before anything else fails oddly, when Node is too old. Plain CommonJS: old Nodes must be able to read it.
var have = process.versions.node.split('.').map(Number);
if (have[0] < 20 || (have[0] === 20 && have[1] < 19)) {
  console.error(
    'trueup needs Node 20.19 or newer; this is ' +
      process.version +
      '.\n' +
      'Install a current Node (nodejs.org, or your distribution) and run the same command again.',
  );
  process.exit(2);
}

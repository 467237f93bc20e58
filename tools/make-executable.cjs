// npm marks bin files executable on install, but not after a build in place: do the same here.
const { chmodSync } = require('node:fs');
chmodSync('dist/cli/trueup.js', 0o755);

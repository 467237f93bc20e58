#!/usr/bin/env node
// The door: checks that Node is new enough before anything is loaded that an older one could not read.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `trueup needs Node 20.19 or newer; this is ${process.version}. Install a current Node and try again.\n`,
  );
  process.exit(2);
}
const { main } = await import('./commands.ts');
const code = await main(process.argv.slice(2));
// The command has ended. Where it ended because a part failed, what that part left open must not keep the process.
process.stdout.write('', () => process.exit(code));

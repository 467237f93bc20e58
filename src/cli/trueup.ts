#!/usr/bin/env node
// The door: checks that Node is new enough before anything is loaded that an older one could not read.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `trueup needs Node 20.19 or newer; this is ${process.version}. Install a current Node and try again.\n`,
  );
  process.exit(2);
}
// The agent runs beside other people's jobs: it loads itself alone.
const code = process.argv[2] === 'agent' ? await agent() : await everything();
// The command has ended. Where it ended because a part failed, what that part left open must not keep the process.
process.stdout.write('', () => process.exit(code));

async function everything(): Promise<number> {
  const { main } = await import('./commands.ts');
  return main(process.argv.slice(2));
}

async function agent(): Promise<number> {
  const { AGENT } = await import('./agent/agent.ts');
  const { runCommand } = await import('./run/run-command.ts');
  return runCommand(AGENT, 'agent', process.argv.slice(3));
}

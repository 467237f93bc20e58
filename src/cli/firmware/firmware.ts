// `trueup firmware`: configurations for meters, gateways, brokers and clocks, with the places of this site filled in.
import { type Command, EXIT, jsonLine, readArguments, UsageError } from '../command.ts';
import { firmwareConfigs, rendered } from './firmware-configs.ts';

export const FIRMWARE: Command = {
  about: 'configurations for meters, gateways, brokers and clocks',
  help: `trueup firmware - what is loaded into meters and gateways so that their profiles are true

usage: trueup firmware list [--json]
       trueup firmware render NAME [--set KEY=TEXT]...

  list            all of them: name, tool, profile, and what may be set
  render NAME     prints one, filled in, on standard output
  --set KEY=TEXT  fills in one place; those without a default must be given

examples: trueup firmware render chrony-collector --set ntp_host=10.0.7.1
          trueup firmware render mosquitto-acl --set bridge_user=trueup`,
  run: (argv, terminal) => {
    const { values, positionals } = readArguments({
      args: argv,
      allowPositionals: true,
      options: {
        set: { type: 'string', multiple: true, default: [] },
        json: { type: 'boolean', default: false },
      },
    });
    const [verb, name, ...surplus] = positionals;
    const configs = firmwareConfigs();
    if (verb === 'list' && name === undefined) {
      for (const config of configs) {
        const keys = Object.entries(config.set).map(([key, { default: usual }]) =>
          usual === undefined ? key : `${key} [${usual}]`,
        );
        const line = `${config.name.padEnd(20)} ${config.tool}: ${config.about}`;
        const sets = keys.length === 0 ? '' : `\n${' '.repeat(21)}--set ${keys.join(', ')}`;
        terminal.out(values.json ? jsonLine(config) : `${line}${sets}`);
      }
      return Promise.resolve(EXIT.done);
    }
    if (verb !== 'render' || name === undefined || surplus.length > 0)
      throw new UsageError('it takes "list", or "render" and a NAME');
    const config = configs.find((each) => each.name === name);
    if (config === undefined)
      throw new UsageError(`there is no "${name}"; "trueup firmware list" names them`);
    terminal.out(rendered(config, new Map(values.set.map(pairOf))).trimEnd());
    return Promise.resolve(EXIT.done);
  },
};

function pairOf(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`--set takes KEY=TEXT, not "${text}"`);
  return [text.slice(0, at), text.slice(at + 1)];
}

// Writes a file beside its target and renames it when all is there: a reader never sees half of one.
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { SiteFault } from '../quantity/fault.ts';

/** What `produce` returns. Throws SiteFault where the file cannot be written. */
export async function writeWhole<Outcome>(
  path: string,
  produce: (write: (text: string) => Promise<void>) => Promise<Outcome>,
): Promise<Outcome> {
  const partial = `${path}.partial`;
  const stream = createWriteStream(partial);
  const unwritable = (cause: unknown): SiteFault =>
    new SiteFault(
      {
        where: `--out ${path}`,
        what: 'the file cannot be written',
        remedy: 'name a file in a directory that you may write',
      },
      { cause },
    );
  const failed = new Promise<never>((_resolve, reject) => {
    stream.once('error', (cause) => {
      reject(unwritable(cause));
    });
  });
  const write = (text: string): Promise<void> =>
    new Promise((resolve) => {
      if (stream.write(text)) resolve();
      else stream.once('drain', resolve);
    });
  try {
    const outcome = await Promise.race([produce(write), failed]);
    stream.end();
    await Promise.race([finished(stream), failed]);
    await rename(partial, path).catch((cause: unknown) => {
      throw unwritable(cause);
    });
    return outcome;
  } catch (fault) {
    stream.destroy();
    await rm(partial, { force: true }).catch(() => undefined);
    throw fault;
  }
}

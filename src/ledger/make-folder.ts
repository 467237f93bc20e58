// Makes a folder and those above it, each durable. Node's own recursive mkdir does not end where a folder can be looked
// into but takes no new name (Linux: /proc), so the steps are taken here, and each can fail.
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Rejects with the error of the operating system; a folder that is there already is left as it is. */
export async function makeFolder(path: string, mode = 0o755): Promise<void> {
  const folder = resolve(path);
  if (await isFolder(folder)) return;
  const above = dirname(folder);
  if (above !== folder && !(await isFolder(above))) await makeFolder(above, mode);
  await mkdir(folder, { mode });
  // The new folder is a name in the one above it.
  await syncFolder(above);
}

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

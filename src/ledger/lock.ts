// One process per data directory. The lock is a file that names its holder; a holder that is dead, or whose process id
// now belongs to another process, is taken over.
import { SiteFault } from '../quantity/fault.ts';
import { canonicalBytes, readObject, textOf } from './canonical.ts';
import { readWhole, type FilePort } from './file-port.ts';

export interface Lock {
  release(): Promise<void>;
}

/** Who holds, as text: `pid` and, on Linux, when that process began; ids are used again, start times are not. */
interface Holder {
  readonly pid: number;
  readonly began: string;
}

/** Folders locked by this very process, since its own id cannot tell a stale lock from a second opening. */
const heldHere = new Set<string>();

/** @throws SiteFault where another living process, or this one, holds the folder */
export async function lockFolder(files: FilePort, dataFolder: string): Promise<Lock> {
  const path = `${dataFolder}/lock`;
  if (heldHere.has(path)) throw held(path, process.pid);
  const own: Holder = { pid: process.pid, began: await beganOf(files, process.pid) };
  const bytes = canonicalBytes(own);
  for (let attempt = 0; !(await files.createNew(path, bytes, 0o644)); attempt++) {
    const found = await readWhole(files, path);
    if (found === undefined) continue;
    const holder = readHolder(found);
    if (attempt >= 3 || (await isAlive(files, holder))) throw held(path, holder.pid);
    // Renamed, not removed: of two processes that find the same stale lock only one can rename it away.
    const aside = `${path}.stale-${String(process.pid)}`;
    await files.rename(path, aside).catch(() => undefined);
    const taken = await readWhole(files, aside);
    await files.remove(aside);
    if (taken !== undefined && Buffer.compare(taken, found) !== 0) {
      // What was renamed is the fresh lock of somebody quicker: it goes back.
      await files.createNew(path, taken, 0o644);
      throw held(path, readHolder(taken).pid);
    }
  }
  heldHere.add(path);
  return {
    async release() {
      heldHere.delete(path);
      await files.remove(path);
    },
  };
}

/** Another process, or this one already, holds the data directory. */
export class LedgerInUse extends SiteFault {}

const held = (path: string, pid: number): SiteFault =>
  new LedgerInUse({
    where: path,
    what: `the data directory is in use by process ${String(pid)}`,
    remedy: 'stop that process, or give this one another directory with --data',
  });

function readHolder(bytes: Uint8Array): Holder {
  const json = readObject(bytes);
  const pid = json?.['pid'];
  return { pid: typeof pid === 'number' ? pid : 0, began: textOf(json?.['began']) };
}

async function isAlive(files: FilePort, { pid, began }: Holder): Promise<boolean> {
  // Our own id in a lock that we do not hold was left by a process before us, as in a restarted container.
  if (pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  const now = await beganOf(files, pid);
  return began === '' || now === '' || began === now;
}

/** When a process began, in ticks since a boot that is named too (proc(5)); empty where the system does not tell. */
async function beganOf(files: FilePort, pid: number): Promise<string> {
  const stat = await readProc(files, `/proc/${String(pid)}/stat`);
  const boot = await readProc(files, '/proc/sys/kernel/random/boot_id');
  // The program's name, in brackets, may hold anything: count fields from behind it. Field 22 is the start time.
  const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  return stat === '' || boot === '' ? '' : `${boot.trim()} ${ticks}`;
}

async function readProc(files: FilePort, path: string): Promise<string> {
  const file = await files.openRead(path);
  if (file === undefined) return '';
  try {
    // Files of /proc have no size: read what there is.
    return Buffer.from(await file.read(0, 4096)).toString('latin1');
  } finally {
    await file.close();
  }
}

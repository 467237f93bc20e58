// A node that does not exist: a tree of powercap and hwmon files whose counters rise as told, and a libnvidia-ml of our
// own, compiled from the published signatures, that reads its boards from a text file.
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

export interface FakeZone {
  readonly place: string;
  readonly name: string;
  readonly energyUj: bigint;
  readonly maxUj?: bigint;
}

export function writeFile(root: string, path: string, text: string): string {
  const full = join(root, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text);
  return full;
}

/** As the kernel does it: whoever has the file open reads the old count or the new one, never a part or nothing. */
function writeCount(root: string, path: string, count: bigint): void {
  const text = `${count.toString()}\n`.padStart(24);
  const full = join(root, path);
  if (!existsSync(full)) {
    writeFile(root, path, text);
    return;
  }
  const file = openSync(full, 'r+');
  writeSync(file, text, 0);
  closeSync(file);
}

export function writeZones(root: string, zones: readonly FakeZone[]): void {
  for (const { place, name, energyUj, maxUj } of zones) {
    const folder = `sys/class/powercap/${place}`;
    writeFile(root, `${folder}/name`, `${name}\n`);
    writeCount(root, `${folder}/energy_uj`, energyUj);
    writeFile(root, `${folder}/max_energy_range_uj`, `${(maxUj ?? 262_143_328_850n).toString()}\n`);
  }
  writeFile(root, 'proc/sys/kernel/random/boot_id', '11111111-2222-4333-8444-555555555555\n');
}

/** Two sockets with memory, cores and a second view, and a platform zone above them. */
export const DUAL_SOCKET: readonly FakeZone[] = [
  { place: 'intel-rapl:0', name: 'package-0', energyUj: 1000n },
  { place: 'intel-rapl:0:0', name: 'dram', energyUj: 200n, maxUj: 65_532_610_987n },
  { place: 'intel-rapl:0:1', name: 'core', energyUj: 500n },
  { place: 'intel-rapl:1', name: 'package-1', energyUj: 2000n },
  { place: 'intel-rapl:1:0', name: 'dram', energyUj: 300n, maxUj: 65_532_610_987n },
  { place: 'intel-rapl:2', name: 'psys', energyUj: 9000n },
  { place: 'intel-rapl-mmio:0', name: 'package-0', energyUj: 1001n },
];

const STUB = `
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
typedef unsigned int nvmlReturn_t;
typedef struct { char uuid[96]; unsigned long long energy; unsigned int power; unsigned int status; } board_t;
static board_t boards[16];
static unsigned int count, initStatus, inits;
static int load(void) {
  FILE *file = fopen(STATE_PATH, "r");
  if (!file) return 0;
  count = 0;
  if (fscanf(file, "%u", &initStatus) != 1) initStatus = 999;
  while (count < 16 && fscanf(file, "%95s %llu %u %u", boards[count].uuid, &boards[count].energy, &boards[count].power, &boards[count].status) == 4) count++;
  fclose(file);
  return 1;
}
nvmlReturn_t nvmlInit_v2(void) { if (!load()) return 9; if (initStatus) return initStatus; inits++; return 0; }
nvmlReturn_t nvmlShutdown(void) { if (!inits) return 1; inits--; return 0; }
nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *n) { if (!inits) return 1; *n = count; return 0; }
nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int i, void **d) { if (!inits) return 1; if (i >= count) return 2; *d = &boards[i]; return 0; }
nvmlReturn_t nvmlDeviceGetUUID(void *d, char *text, unsigned int n) { board_t *b = d; if (strlen(b->uuid) + 1 > n) return 7; strcpy(text, b->uuid); return 0; }
nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(void *d, unsigned long long *e) { board_t *b = d; if (!inits) return 1; load(); if (b->status) return b->status; *e = b->energy; return 0; }
nvmlReturn_t nvmlDeviceGetPowerUsage(void *d, unsigned int *p) { board_t *b = d; if (!inits) return 1; load(); if (b->status && b->status != 3) return b->status; *p = b->power; return 0; }
`;

export interface FakeBoard {
  readonly uuid: string;
  readonly energyMj: bigint;
  readonly powerMw: number;
  /** What its functions answer; 3 concerns the counter only. */
  readonly status?: number;
}

export interface FakeNvml {
  readonly path: string;
  set(boards: readonly FakeBoard[], initStatus?: number): void;
}

/** Compiles the library into the folder; throws where there is no compiler. */
export function fakeNvml(folder: string): FakeNvml {
  const state = join(folder, 'boards.txt');
  const source = writeFile(folder, 'nvml-stub.c', STUB);
  const path = join(folder, 'libnvidia-ml.so.1');
  execFileSync('gcc', ['-shared', '-fPIC', '-O1', `-DSTATE_PATH="${state}"`, '-o', path, source]);
  return {
    path,
    set: (boards, initStatus = 0) => {
      const lines = boards.map(
        ({ uuid, energyMj, powerMw, status }) =>
          `${uuid} ${energyMj.toString()} ${powerMw} ${status ?? 0}`,
      );
      writeFileSync(`${state}.new`, `${initStatus}\n${lines.join('\n')}\n`);
      renameSync(`${state}.new`, state);
    },
  };
}

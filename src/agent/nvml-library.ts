// libnvidia-ml by FFI: the few functions of nvml.h (API v13) that energy needs, with their status words. Nothing of it is
// linked: where the library is absent, there is none.
import koffi from 'koffi';

export const NVML = {
  success: 0,
  notSupported: 3,
  noPermission: 4,
  driverNotLoaded: 9,
  functionNotFound: 13,
} as const;

const WORDS: Readonly<Record<number, string>> = {
  1: 'not initialised',
  2: 'invalid argument',
  3: 'not supported by this GPU',
  4: 'no permission',
  6: 'not found',
  9: 'the driver is not loaded',
  10: 'timeout',
  12: 'library not found',
  13: 'function not found: the driver is too old',
  15: 'the GPU is lost: it fell off the bus',
  16: 'the GPU needs a reset',
  18: 'driver and library have different versions: reboot, or reload the driver',
  28: 'GPU not found',
  999: 'unknown error',
};

export const nvmlWord = (status: number): string => WORDS[status] ?? `error ${status}`;

/** Opaque: valid between an init and the shutdown that follows it. */
export type NvmlDevice = unknown;

type Outcome<Of> = { readonly status: number; readonly value: Of | undefined };

export interface NvmlLibrary {
  init(): number;
  shutdown(): number;
  deviceCount(): Outcome<number>;
  device(index: number): Outcome<NvmlDevice>;
  uuid(device: NvmlDevice): Outcome<string>;
  /** Since the driver was loaded, mJ; Volta and later. */
  totalEnergyMj(device: NvmlDevice): Outcome<bigint>;
  /** Mean of one second since Ampere, instantaneous before; mW. */
  powerMw(device: NvmlDevice): Outcome<number>;
}

const UUID_BYTES = 96;

/** Loads the library; undefined where it is not there or lacks a function that every driver since Volta has. */
export function loadNvml(path: string): NvmlLibrary | undefined {
  try {
    const library = koffi.load(path);
    const init = library.func('uint32_t nvmlInit_v2(void)');
    const shutdown = library.func('uint32_t nvmlShutdown(void)');
    const count = library.func('uint32_t nvmlDeviceGetCount_v2(_Out_ uint32_t *count)');
    const handle = library.func(
      'uint32_t nvmlDeviceGetHandleByIndex_v2(uint32_t index, _Out_ void **device)',
    );
    const uuid = library.func(
      'uint32_t nvmlDeviceGetUUID(void *device, _Out_ uint8_t *text, uint32_t length)',
    );
    const energy = library.func(
      'uint32_t nvmlDeviceGetTotalEnergyConsumption(void *device, _Out_ uint64_t *energy)',
    );
    const power = library.func(
      'uint32_t nvmlDeviceGetPowerUsage(void *device, _Out_ uint32_t *power)',
    );
    const text = Buffer.alloc(UUID_BYTES);
    const one: unknown[] = [undefined];
    return {
      init: () => statusOf(init()),
      shutdown: () => statusOf(shutdown()),
      deviceCount: () => outcome(statusOf(count(one)), () => Number(one[0])),
      device: (index) => outcome(statusOf(handle(index, one)), () => one[0]),
      uuid: (device) =>
        outcome(statusOf(uuid(device, text, UUID_BYTES)), () =>
          text.toString('latin1', 0, Math.max(0, text.indexOf(0))),
        ),
      totalEnergyMj: (device) =>
        outcome(statusOf(energy(device, one)), () => BigInt(String(one[0]))),
      powerMw: (device) => outcome(statusOf(power(device, one)), () => Number(one[0])),
    };
  } catch {
    // dlopen or dlsym said no: there is no usable library, which the caller tells with its remedy.
    return undefined;
  }
}

const statusOf = (answer: unknown): number => (typeof answer === 'number' ? answer : 999);

const outcome = <Of>(status: number, value: () => Of): Outcome<Of> => ({
  status,
  value: status === NVML.success ? value() : undefined,
});

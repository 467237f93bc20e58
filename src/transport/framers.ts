// Which framer cuts the stream of a meter, by its protocol and the check sum that its version has.
import { D0Framer } from './d0-framer.ts';
import type { Framer } from './framer.ts';
import { SmlFramer } from './sml-framer.ts';
import { TelegramFramer } from './telegram-framer.ts';
import type { PushCheck, PushProtocol } from './transport.ts';

/** The framer of a protocol in the version that has this check sum. */
export function framerFor(protocol: PushProtocol, check: PushCheck): Framer {
  switch (protocol) {
    case 'sml':
      return new SmlFramer();
    case 'dsmr':
      return new TelegramFramer(check === 'crc16');
    case 'd0':
      return check === 'bcc' ? new D0Framer() : new TelegramFramer(false);
  }
}

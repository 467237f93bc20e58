# A Modbus peer that is not ours: pymodbus on TCP, in frames of Modbus TCP or of RTU. Arguments: tcp or rtu, port.
# Every register of unit u at address a holds (4099 u + 7 a) mod 65536, as the tests of the transport expect.
import asyncio
import sys
import types

# The server module wants pyserial even where no serial port is served, and Debian does not bring it along.
for name in ("serial", "serial_asyncio"):
    try:
        __import__(name)
    except ImportError:
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].create_serial_connection = None

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import StartAsyncTcpServer
from pymodbus.transaction import ModbusRtuFramer, ModbusSocketFramer


def registers(unit):
    return ModbusSequentialDataBlock(0, [(4099 * unit + 7 * address) % 65536 for address in range(2000)])


def meter(unit):
    return ModbusSlaveContext(ir=registers(unit), hr=registers(unit), zero_mode=True)


async def serve(framing, port):
    context = ModbusServerContext(slaves={unit: meter(unit) for unit in (1, 2)}, single=False)
    framer = ModbusSocketFramer if framing == "tcp" else ModbusRtuFramer
    await StartAsyncTcpServer(
        context, framer=framer, address=("127.0.0.1", int(port)), allow_reuse_address=True, ignore_missing_slaves=True
    )


asyncio.run(serve(sys.argv[1], sys.argv[2]))

# Meters that are not ours: pymodbus with the registers that it is given, and an exception for every other. Arguments: tcp or
# rtu (frames), port, JSON {unit: {"input" or "holding": {address: word}}}.
import asyncio
import json
import sys
import types

# The server module wants pyserial even where no serial port is served, and Debian does not bring it along.
for name in ("serial", "serial_asyncio"):
    try:
        __import__(name)
    except ImportError:
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].create_serial_connection = None

from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.server import StartAsyncTcpServer
from pymodbus.transaction import ModbusRtuFramer, ModbusSocketFramer


def block(words):
    return ModbusSparseDataBlock({int(address): word for address, word in words.items()} or {65535: 0})


def meter(tables):
    return ModbusSlaveContext(ir=block(tables.get("input", {})), hr=block(tables.get("holding", {})), zero_mode=True)


async def serve(framing, port, units):
    context = ModbusServerContext(slaves={int(unit): meter(tables) for unit, tables in units.items()}, single=False)
    framer = ModbusSocketFramer if framing == "tcp" else ModbusRtuFramer
    await StartAsyncTcpServer(
        context, framer=framer, address=("127.0.0.1", int(port)), allow_reuse_address=True, ignore_missing_slaves=True
    )


asyncio.run(serve(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))

// A Modbus TCP server by libmodbus that answers as fast as it can, on many connections: the peer of the polls benchmark.
// Prints its port. Ends when its standard input does.
#include <arpa/inet.h>
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <unistd.h>

int main(void) {
  modbus_t *context = modbus_new_tcp("127.0.0.1", 0);
  modbus_mapping_t *mapping = modbus_mapping_new(0, 0, 256, 256);
  if (context == NULL || mapping == NULL) return 1;
  for (int n = 0; n < 256; n++) mapping->tab_input_registers[n] = n;
  int listener = modbus_tcp_listen(context, 64);
  if (listener < 0) return 1;
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  getsockname(listener, (struct sockaddr *)&address, &size);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);

  fd_set open_set;
  FD_ZERO(&open_set);
  FD_SET(0, &open_set);
  FD_SET(listener, &open_set);
  int highest = listener;
  uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
  for (;;) {
    fd_set ready = open_set;
    if (select(highest + 1, &ready, NULL, NULL, NULL) < 0) return 1;
    for (int fd = 0; fd <= highest; fd++) {
      if (!FD_ISSET(fd, &ready)) continue;
      if (fd == 0) return 0;
      if (fd == listener) {
        int accepted = listener;
        modbus_tcp_accept(context, &accepted);
        accepted = modbus_get_socket(context);
        if (accepted < 0) continue;
        FD_SET(accepted, &open_set);
        if (accepted > highest) highest = accepted;
        continue;
      }
      modbus_set_socket(context, fd);
      int length = modbus_receive(context, query);
      if (length > 0) modbus_reply(context, query, length, mapping);
      else if (length < 0) {
        close(fd);
        FD_CLR(fd, &open_set);
      }
    }
  }
}

// Polls with libmodbus, one request in flight on each connection, blocking, one thread per connection: the yardstick in
// C. Arguments: port, connections, seconds. Prints polls and used CPU seconds.
#include <modbus.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static int port;
static double seconds;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void *poll_one(void *unused) {
  (void)unused;
  modbus_t *context = modbus_new_tcp("127.0.0.1", port);
  modbus_set_slave(context, 1);
  if (modbus_connect(context) < 0) return NULL;
  uint16_t registers[20];
  long count = 0;
  double end = now() + seconds;
  while (now() < end)
    if (modbus_read_input_registers(context, 0, 20, registers) == 20 && registers[19] == 19) count++;
  modbus_close(context);
  modbus_free(context);
  return (void *)count;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  port = atoi(argv[1]);
  int connections = atoi(argv[2]);
  seconds = atof(argv[3]);
  pthread_t threads[256];
  if (connections > 256) return 2;
  double began = now();
  for (int n = 0; n < connections; n++) pthread_create(&threads[n], NULL, poll_one, NULL);
  long total = 0;
  for (int n = 0; n < connections; n++) {
    void *count;
    pthread_join(threads[n], &count);
    total += (long)count;
  }
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
               (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  printf("{\"pollsCount\":%ld,\"cpuS\":%f,\"tookS\":%f}\n", total, cpu, now() - began);
  return 0;
}

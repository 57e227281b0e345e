/* One line at a time to file descriptor 1. */
#include "probe.h"

static char line[4096];
static u64 used;

void print(const char *text) {
  while (*text && used < sizeof line) line[used++] = *text++;
}

void print_hex(u64 value) {
  char digits[19] = "0x";
  int count = 2;
  for (int shift = 60; shift >= 0; shift -= 4) {
    u64 digit = value >> shift & 15;
    if (digit || count > 2 || !shift) digits[count++] = "0123456789abcdef"[digit];
  }
  digits[count] = 0;
  print(digits);
}

void print_decimal(u64 value) {
  if (value > 9) print_decimal(value / 10);
  print((char[]){(char)('0' + value % 10), 0});
}

void print_signal(u32 signal) {
  switch (signal) {
    case SIGILL: print("SIGILL"); break;
    case SIGTRAP: print("SIGTRAP"); break;
    case SIGBUS: print("SIGBUS"); break;
    case SIGKILL: print("SIGKILL"); break;
    case SIGFPE: print("SIGFPE"); break;
    case SIGSEGV: print("SIGSEGV"); break;
    case SIGALRM: print("SIGALRM"); break;
    default: print("signal "); print_decimal(signal);
  }
}

void print_flush(void) {
  for (u64 done = 0; done < used;) {
    long written = system_call(SYS_write, 1, line + done, used - done);
    if (written <= 0) break;
    done += written;
  }
  used = 0;
}

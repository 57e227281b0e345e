// The only program of an initramfs: INT 81H, which no kernel lets user code use, without and with TF, and what the signal's frame says of it. SDM
// vol. 3A, "Error Code": the vector and bit 1 are in the error code of #GP, and RIP is that of the instruction.
typedef unsigned long word;

static long call(long number, long a, long b, long c, long d) {
  register long fourth __asm__("r10") = d;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                   : "rcx", "r11", "memory");
  return result;
}

static void print(const char *text) {
  long length = 0;
  while (text[length]) length++;
  call(1, 1, (long)text, length, 0);
}

static void print_word(const char *name, word value) {
  char digits[18];
  for (int i = 0; i < 16; i++) digits[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
  digits[16] = ' ';
  digits[17] = 0;
  print(name);
  print(digits);
}

static void leave(void) {
  call(169, 0xfee1dead, 672274793, 0x4321fedc, 0);  // reboot: power off
  for (;;) {}
}

static word instruction;
static int signals;

// struct ucontext: the registers are an array of words from offset 40 on, as in <sys/ucontext.h>.
static void handle(int signal, void *info, void *context) {
  word *registers = (word *)((char *)context + 40);
  (void)info;
  print_word("signal ", (word)signal);
  print_word("vector ", registers[20]);
  print_word("error ", registers[19]);
  print_word("rip - int ", registers[16] - instruction);
  print_word("rflags ", registers[17]);
  print("\n");
  if (++signals > 6) leave();
  registers[17] &= ~0x10100ul;
  if (signal == 11) registers[16] = instruction + 2;
}

__attribute__((naked)) static void restore(void) { __asm__("movl $15, %eax; syscall"); }

static void cross(int with_trap) {
  print(with_trap ? "int $0x81 with TF\n" : "int $0x81\n");
  __asm__ volatile(
      "leaq 1f(%%rip), %%rax\n  movq %%rax, %0\n  pushfq\n  orq %1, (%%rsp)\n  popfq\n1:\n  int $0x81\n  nop"
      : "=m"(instruction)
      : "r"(with_trap ? 0x100ul : 0ul)
      : "rax", "memory", "cc");
}

static void start(void) {
  // sa_handler, sa_flags (SA_SIGINFO | SA_RESTORER), sa_restorer, sa_mask.
  word action[4] = {(word)handle, 0x04000004, (word)restore, 0};
  call(13, 11, (long)action, 0, 8);
  call(13, 5, (long)action, 0, 8);
  cross(0);
  cross(1);
  print("done\n");
  leave();
}

__attribute__((naked)) void _start(void) {
  __asm__("andq $-16, %%rsp\n  call *%0" : : "r"(start));
}

// Whole integer instructions on the host processor.
//
// The executed instruction may change any register, RSP included, so everything around it is addressed absolutely, below
// 2 GiB. After the instruction comes a landing place: it notes its own address and leads to the epilogue, which stores all
// registers. The code pages are full of landing places, so that a jump has somewhere to go. A faulting instruction ends in
// a signal handler on a stack of its own, which takes the registers from the signal frame.
#define _GNU_SOURCE
#include "HostInstructions.h"
#include <cpuid.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { STUB = 0x1F0000, CONTROL = 0x230000 };

// At CONTROL; the assembly below has the offsets in numbers.
typedef struct {
  HostRegisters in;
  uint8_t pad[0x100 - sizeof(HostRegisters)];
  HostRegisters out;
  uint8_t pad2[0x100 - sizeof(HostRegisters)];
  uint64_t callersRSP;
  uint64_t epilogue;
} Control;
_Static_assert(offsetof(Control, in.rflags) == 0x80 && offsetof(Control, in.rip) == 0x88, "as the assembly has it");
_Static_assert(offsetof(Control, out) == 0x100 && offsetof(Control, out.rip) == 0x188, "as the assembly has it");
_Static_assert(offsetof(Control, callersRSP) == 0x200 && offsetof(Control, epilogue) == 0x208, "as the assembly has it");

void hostRun(void);
void hostEpilogue(void);
void hostReturn(void);
void hostSignalEntry(int, siginfo_t *, void *);

__asm__(
    ".text\n"
    ".globl hostRun, hostEpilogue, hostReturn, hostSignalEntry\n"
    ".hidden hostRun, hostEpilogue, hostReturn, hostSignalEntry\n"
    "hostRun:\n"
    "  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "  mov %rsp, 0x230200\n"
    "  mov $0x230080, %esp\n"
    "  popfq\n"
    "  mov 0x230000, %rax\n"
    "  mov 0x230008, %rcx\n"
    "  mov 0x230010, %rdx\n"
    "  mov 0x230018, %rbx\n"
    "  mov 0x230020, %rsp\n"
    "  mov 0x230028, %rbp\n"
    "  mov 0x230030, %rsi\n"
    "  mov 0x230038, %rdi\n"
    "  mov 0x230040, %r8\n"
    "  mov 0x230048, %r9\n"
    "  mov 0x230050, %r10\n"
    "  mov 0x230058, %r11\n"
    "  mov 0x230060, %r12\n"
    "  mov 0x230068, %r13\n"
    "  mov 0x230070, %r14\n"
    "  mov 0x230078, %r15\n"
    "  jmp *0x230088\n"
    "hostEpilogue:\n"
    "  mov %rax, 0x230100\n"
    "  mov %rcx, 0x230108\n"
    "  mov %rdx, 0x230110\n"
    "  mov %rbx, 0x230118\n"
    "  mov %rsp, 0x230120\n"
    "  mov %rbp, 0x230128\n"
    "  mov %rsi, 0x230130\n"
    "  mov %rdi, 0x230138\n"
    "  mov %r8, 0x230140\n"
    "  mov %r9, 0x230148\n"
    "  mov %r10, 0x230150\n"
    "  mov %r11, 0x230158\n"
    "  mov %r12, 0x230160\n"
    "  mov %r13, 0x230168\n"
    "  mov %r14, 0x230170\n"
    "  mov %r15, 0x230178\n"
    "  mov $0x230188, %esp\n"
    "  pushfq\n"
    "hostReturn:\n"
    // DF, AC, NT and ID as the caller knows them; the stack's line is far from what was stored above.
    "  mov $0x230400, %esp\n"
    "  pushq $0x2\n"
    "  popfq\n"
    "  mov 0x230200, %rsp\n"
    "  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "  ret\n"
    // A signal handler inherits AC, with which compiled code cannot run.
    "hostSignalEntry:\n"
    "  pushfq\n"
    "  andl $0xFFFBFFFF, (%rsp)\n"
    "  popfq\n"
    "  jmp hostSignal\n");

static _Thread_local volatile bool isExecuting;
static _Thread_local HostOutcome caught;
static struct sigaction previous[NSIG];
static uint64_t placedFrom, placedTo;

static const int registerOrder[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                      REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

__attribute__((used, visibility("hidden"))) void hostSignal(int number, siginfo_t *reason, void *place) {
  if (!isExecuting) {
    // Not ours: whoever listened before, or the default once the instruction runs again.
    struct sigaction *before = &previous[number];
    if (before->sa_flags & SA_SIGINFO) before->sa_sigaction(number, reason, place);
    else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN) before->sa_handler(number);
    else sigaction(number, before, 0);
    return;
  }
  Control *control = (Control *)CONTROL;
  greg_t *registers = ((ucontext_t *)place)->uc_mcontext.gregs;
  for (int i = 0; i < 16; i++) control->out.general[i] = (uint64_t)registers[registerOrder[i]];
  control->out.rflags = (uint64_t)registers[REG_EFL];
  control->out.rip = (uint64_t)registers[REG_RIP];
  caught.vector = (int32_t)registers[REG_TRAPNO];
  caught.errorCode = (uint32_t)registers[REG_ERR];
  caught.faultAddress = caught.vector == 14 ? (uint64_t)registers[REG_CR2] : 0;
  registers[REG_EFL] = 2;
  registers[REG_RIP] = (greg_t)hostReturn;
}

static void *map(uint64_t address, uint64_t size, int rights) {
  void *place = mmap((void *)address, size, rights, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  return place == (void *)address ? place : 0;
}

// movl $address, CONTROL+0x188; jmp STUB. The high half of the noted address is zero from the start.
static void writeLanding(uint64_t address) {
  uint8_t *at = (uint8_t *)address;
  const uint32_t note = CONTROL + 0x188, value = (uint32_t)address;
  const int32_t distance = (int32_t)(STUB - (int64_t)(address + 16));
  at[0] = 0xC7, at[1] = 0x04, at[2] = 0x25;
  memcpy(at + 3, &note, 4);
  memcpy(at + 7, &value, 4);
  at[11] = 0xE9;
  memcpy(at + 12, &distance, 4);
}

bool hostPrepare(void) {
  static bool isReady;
  if (isReady) return true;
  uint8_t *stub = map(STUB, 4096, PROT_READ | PROT_WRITE);
  Control *control = map(CONTROL, 4096, PROT_READ | PROT_WRITE);
  if (!stub || !control || !map(HOST_CODE, HOST_CODE_END - HOST_CODE, PROT_READ | PROT_WRITE | PROT_EXEC) ||
      !map(HOST_MEMORY, HOST_MEMORY_END - HOST_MEMORY, PROT_READ | PROT_WRITE) ||
      !map(HOST_CONSTANT, HOST_CONSTANT_END - HOST_CONSTANT, PROT_READ))
    return false;
  // jmp *CONTROL+0x208
  const uint32_t slot = CONTROL + 0x208;
  stub[0] = 0xFF, stub[1] = 0x24, stub[2] = 0x25;
  memcpy(stub + 3, &slot, 4);
  mprotect(stub, 4096, PROT_READ | PROT_EXEC);
  control->epilogue = (uint64_t)hostEpilogue;
  for (uint64_t at = HOST_CODE; at < HOST_CODE_END; at += HOST_LANDING) writeLanding(at);
  const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
  for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    struct sigaction action = {.sa_sigaction = hostSignalEntry, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(numbers[i], &action, &previous[numbers[i]]);
  }
  isReady = true;
  return true;
}

HostSignature hostSignature(void) {
  HostSignature signature = {{0}, 0, 0, 0, false};
  unsigned a, b, c, d;
  if (!__get_cpuid(0, &a, &b, &c, &d)) return signature;
  memcpy(signature.vendor, &b, 4), memcpy(signature.vendor + 4, &d, 4), memcpy(signature.vendor + 8, &c, 4);
  __get_cpuid(1, &a, &b, &c, &d);
  // Intel SDM vol. 2A, "CPUID", "Version Information"; AMD APM vol. 3, "Processor Signature".
  const uint32_t family = a >> 8 & 15;
  signature.family = family == 15 ? 15 + (a >> 20 & 0xFF) : family;
  signature.model = (a >> 4 & 15) | (family == 6 || family == 15 ? a >> 12 & 0xF0 : 0);
  signature.stepping = a & 15;
  const uint32_t leaf1C = 1u << 9 | 1u << 19 | 1u << 20 | 1u << 22 | 1u << 23, leaf7B = 1u << 3 | 1u << 8;
  signature.hasExtensions = (c & leaf1C) == leaf1C;
  signature.hasExtensions &= __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & leaf7B) == leaf7B;
  signature.hasExtensions &= __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & 1u << 5);
  return signature;
}

void hostPlace(uint64_t address, const uint8_t *bytes, uint32_t count) {
  for (uint64_t at = placedFrom & ~15ull; at < placedTo; at += HOST_LANDING) writeLanding(at);
  if (count > HOST_CODE_END - address) count = (uint32_t)(HOST_CODE_END - address);
  placedFrom = address;
  placedTo = address + count;
  memcpy((void *)address, bytes, count);
  if (placedTo + HOST_LANDING <= HOST_CODE_END) {
    writeLanding(placedTo);
    placedTo += HOST_LANDING;
  }
  if (placedTo > HOST_CODE_END) placedTo = HOST_CODE_END;
}

void hostFillConstant(const uint8_t *bytes, uint32_t count) {
  mprotect((void *)HOST_CONSTANT, 4096, PROT_READ | PROT_WRITE);
  memcpy((void *)HOST_CONSTANT, bytes, count);
  mprotect((void *)HOST_CONSTANT, 4096, PROT_READ);
}

void hostExecute(HostRegisters *registers, HostOutcome *outcome) {
  static _Thread_local bool hasStack;
  if (!hasStack) {
    stack_t stack = {.ss_sp = malloc(1 << 17), .ss_size = 1 << 17};
    sigaltstack(&stack, 0);
    hasStack = true;
  }
  Control *control = (Control *)CONTROL;
  control->in = *registers;
  control->out.rip = 0;
  caught.vector = -1;
  caught.errorCode = 0;
  caught.faultAddress = 0;
  isExecuting = true;
  hostRun();
  isExecuting = false;
  *registers = control->out;
  *outcome = caught;
}

void hostExecuteVector(HostRegisters *registers, HostOutcome *outcome) {
  // The instruction may leave an unmasked exception behind, or a full x87 stack: nothing of it may reach the caller.
  _Alignas(16) uint8_t kept[512];
  __asm__ volatile("fxsave64 %0" : "=m"(kept));
  hostExecute(registers, outcome);
  __asm__ volatile("fxrstor64 %0" ::"m"(kept));
}

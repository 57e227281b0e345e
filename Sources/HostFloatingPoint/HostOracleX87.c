// Whole x87 instructions, executed on the host from one FXSAVE image to another, for tests.
#include "HostOracle.h"

// Every x87 encoding as a subroutine of four bytes: the register forms, then the memory forms with [rdi].
__asm__(
    ".pushsection .text\n"
    "oracleX87RegisterForms:\n"
    ".set oracle_escape, 0xD8\n"
    ".rept 8\n"
    ".set oracle_modrm, 0xC0\n"
    ".rept 64\n"
    ".byte oracle_escape, oracle_modrm, 0xC3, 0xCC\n"
    ".set oracle_modrm, oracle_modrm + 1\n"
    ".endr\n"
    ".set oracle_escape, oracle_escape + 1\n"
    ".endr\n"
    "oracleX87MemoryForms:\n"
    ".set oracle_escape, 0xD8\n"
    ".rept 8\n"
    ".set oracle_modrm, 0x07\n"
    ".rept 8\n"
    ".byte oracle_escape, oracle_modrm, 0xC3, 0xCC\n"
    ".set oracle_modrm, oracle_modrm + 8\n"
    ".endr\n"
    ".set oracle_escape, oracle_escape + 1\n"
    ".endr\n"
    // FLDENV, FNSTENV, FRSTOR and FNSAVE with [rdi] and operand size 16.
    "oracleX87WordForms:\n"
    ".byte 0x66, 0xD9, 0x27, 0xC3, 0x66, 0xD9, 0x37, 0xC3, 0x66, 0xDD, 0x27, 0xC3, 0x66, 0xDD, 0x37, 0xC3\n"
    // A write of MM3, a read of MM3, EMMS.
    "oracleMMXForms:\n"
    "movq (%rdi), %mm3\n ret\n"
    "movq %mm3, (%rdi)\n ret\n"
    "emms\n ret\n nop\n"
    // oracleX87Run(image, memory, rflags, ax, subroutine, area for the host's own state)
    "oracleX87Run:\n"
    "push %rbx\n push %r12\n push %r13\n push %r14\n"
    "mov %rdi, %rbx\n mov %rsi, %rdi\n mov %rdx, %r12\n mov %rcx, %r13\n mov %r9, %r14\n"
    "fxsave64 (%r14)\n"
    "fxrstor64 (%rbx)\n"
    "xor %eax, %eax\n"
    "pushq (%r12)\n popfq\n"
    "call *%r8\n"
    "pushfq\n popq (%r12)\n"
    "mov %ax, (%r13)\n"
    "fxsave64 (%rbx)\n"
    "fxrstor64 (%r14)\n"
    "pop %r14\n pop %r13\n pop %r12\n pop %rbx\n"
    "ret\n"
    ".popsection\n");

extern const uint8_t oracleX87RegisterForms[], oracleX87MemoryForms[], oracleX87WordForms[], oracleMMXForms[];
void oracleX87Run(void *image, void *memory, uint64_t *rflags, uint16_t *ax, const uint8_t *subroutine, void *host);

typedef struct {
  _Alignas(16) uint8_t bytes[512];
} Image;

static void run(const uint8_t *subroutine, void *image, void *memory, uint64_t *rflags, uint16_t *ax) {
  Image guest, host;
  __builtin_memcpy(&guest, image, sizeof guest);
  oracleX87Run(&guest, memory, rflags, ax, subroutine, &host);
  __builtin_memcpy(image, &guest, sizeof guest);
}

void oracleX87(uint16_t opcode, void *image, void *memory, uint64_t *rflags, uint16_t *ax) {
  unsigned escape = opcode >> 8 & 7, modrm = opcode & 0xFF;
  run(modrm >= 0xC0 ? oracleX87RegisterForms + (escape * 64 + (modrm & 0x3F)) * 4
                    : oracleX87MemoryForms + (escape * 8 + (modrm >> 3 & 7)) * 4,
      image, memory, rflags, ax);
}

void oracleX87Environment(OracleEnvironment instruction, bool word, void *image, void *memory) {
  static const uint16_t opcodes[] = {0x127, 0x137, 0x527, 0x537};
  uint64_t rflags = 0x202;
  uint16_t ax;
  if (word)
    run(oracleX87WordForms + instruction * 4, image, memory, &rflags, &ax);
  else
    oracleX87(opcodes[instruction], image, memory, &rflags, &ax);
}

void oracleMMX(OracleMMX instruction, void *image, void *memory) {
  uint64_t rflags = 0x202;
  uint16_t ax;
  run(oracleMMXForms + instruction * 4, image, memory, &rflags, &ax);
}

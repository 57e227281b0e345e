/// x87 instructions, executed on the host under a given control word.
/// Intel SDM vol. 1, "Programming with the x87 FPU".
///
/// An x87 exception is reported by the *next* waiting instruction, so the guest's control word can be used as it is,
/// unmasked exceptions included: FNSTSW and FNCLEX do not wait, and no host exception arises. Operands go in and come
/// out by FLD m80 and FSTP m80, which change no bit and raise nothing. Every function starts from an initialised unit,
/// so that even undefined condition codes are the same each time, and leaves one with the host's control word.
#pragma once
#include <stdint.h>

/// One 80-bit value, at FLD m80's places; or the bits of a smaller memory operand in `significand`.
typedef struct {
  uint64_t significand;
  uint16_t signExponent;
} HostExtended;

/// ST(0) and ST(1) afterwards, and the status word. TOP began at 0: one push makes it 7.
typedef struct {
  HostExtended st0, st1;
  uint16_t status;
} HostX87Result;

#define HOST_X87_BEGIN "fnstcw %[saved]\n\tfninit\n\tfldcw %[control]\n\t"
#define HOST_X87_STATUS "\n\tfnstsw %[status]\n\tfnclex\n\t"
#define HOST_X87_END "fninit\n\tfldcw %[saved]"
#define HOST_X87_STACK "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)"

/// Instructions of ST(0), or of ST(0) and ST(1), that read no memory.
#define HOST_X87_STACK_INSTRUCTIONS(X)                                                                                 \
  X(fchs) X(fabs) X(ftst) X(fxam) X(fsqrt) X(frndint) X(f2xm1) X(fsin) X(fcos)                                         \
  X(fprem) X(fprem1) X(fscale) X(fyl2x) X(fyl2xp1) X(fpatan) X(fptan) X(fsincos) X(fxtract)
#define HOST_X87_CASE_NAME(name) X87StackInstruction_##name,
typedef enum __attribute__((enum_extensibility(closed))) : uint8_t {
  HOST_X87_STACK_INSTRUCTIONS(HOST_X87_CASE_NAME)
} X87StackInstruction;
#undef HOST_X87_CASE_NAME

static inline HostX87Result hostX87Stack(
    X87StackInstruction instruction, HostExtended st0, HostExtended st1, uint16_t control) {
  HostX87Result result = {{0, 0}, {0, 0}, 0};
  uint16_t saved;
#define HOST_X87_CASE(name)                                                                                            \
  case X87StackInstruction_##name:                                                                                     \
    __asm__ volatile(                                                                                                  \
        HOST_X87_BEGIN "fldt %[st1]\n\tfldt %[st0]\n\t" #name HOST_X87_STATUS                                          \
                       "fstpt %[result0]\n\tfstpt %[result1]\n\t" HOST_X87_END                                         \
        : [saved] "=m"(saved), [status] "=m"(result.status), [result0] "=m"(result.st0), [result1] "=m"(result.st1)    \
        : [control] "m"(control), [st0] "m"(st0), [st1] "m"(st1)                                                       \
        : HOST_X87_STACK);                                                                                             \
    break;
  switch (instruction) { HOST_X87_STACK_INSTRUCTIONS(HOST_X87_CASE) }
#undef HOST_X87_CASE
  return result;
}

/// What the source operand of arithmetic and comparison is.
typedef enum __attribute__((enum_extensibility(closed))) : uint8_t {
  X87Source_extended,
  X87Source_single,
  X87Source_double,
  X87Source_int16,
  X87Source_int32,
} X87Source;

typedef enum __attribute__((enum_extensibility(closed))) : uint8_t {
  X87Arithmetic_fadd,
  X87Arithmetic_fmul,
  X87Arithmetic_fcom,
  X87Arithmetic_fcomp,
  X87Arithmetic_fsub,
  X87Arithmetic_fsubr,
  X87Arithmetic_fdiv,
  X87Arithmetic_fdivr,
  X87Arithmetic_fucom,
} X87Arithmetic;

/// `st0 ← st0 op source`, or a comparison of the two. The order of the first eight is that of the opcodes' bits; FCOMP
/// does not pop here, and FUCOM has an extended source only.
static inline HostX87Result hostX87Arithmetic(
    X87Arithmetic operation, X87Source kind, HostExtended st0, HostExtended source, uint16_t control) {
  HostX87Result result = {{0, 0}, {0, 0}, 0};
  uint16_t saved;
#define HOST_X87_FORM(operation, kind, load, instruction)                                                              \
  case X87Source_##kind << 4 | X87Arithmetic_##operation:                                                              \
    __asm__ volatile(HOST_X87_BEGIN load "fldt %[st0]\n\t" instruction HOST_X87_STATUS                                 \
                                         "fstpt %[result0]\n\t" HOST_X87_END                                           \
                     : [saved] "=m"(saved), [status] "=m"(result.status), [result0] "=m"(result.st0)                   \
                     : [control] "m"(control), [st0] "m"(st0), [source] "m"(source)                                    \
                     : HOST_X87_STACK);                                                                                \
    break;
#define HOST_X87_FORMS(operation, register, name)                                                                      \
  HOST_X87_FORM(operation, extended, "fldt %[source]\n\t", register)                                                   \
  HOST_X87_FORM(operation, single, "", "f" name "s %[source]")                                                         \
  HOST_X87_FORM(operation, double, "", "f" name "l %[source]")                                                         \
  HOST_X87_FORM(operation, int16, "", "fi" name "s %[source]")                                                         \
  HOST_X87_FORM(operation, int32, "", "fi" name "l %[source]")
  switch (kind << 4 | operation) {
    HOST_X87_FORMS(fadd, "fadd %%st(1), %%st", "add")
    HOST_X87_FORMS(fmul, "fmul %%st(1), %%st", "mul")
    HOST_X87_FORMS(fcom, "fcom %%st(1)", "com")
    HOST_X87_FORMS(fcomp, "fcom %%st(1)", "com")
    HOST_X87_FORMS(fsub, "fsub %%st(1), %%st", "sub")
    HOST_X87_FORMS(fsubr, "fsubr %%st(1), %%st", "subr")
    HOST_X87_FORMS(fdiv, "fdiv %%st(1), %%st", "div")
    HOST_X87_FORMS(fdivr, "fdivr %%st(1), %%st", "divr")
    HOST_X87_FORM(fucom, extended, "fldt %[source]\n\t", "fucom %%st(1)")
  }
#undef HOST_X87_FORMS
#undef HOST_X87_FORM
  return result;
}

/// Instructions that push one value: the seven constants, and conversions from memory.
#define HOST_X87_LOADS(X)                                                                                              \
  X(fld1, "fld1") X(fldl2t, "fldl2t") X(fldl2e, "fldl2e") X(fldpi, "fldpi") X(fldlg2, "fldlg2") X(fldln2, "fldln2")    \
  X(fldz, "fldz") X(flds, "flds %[source]") X(fldl, "fldl %[source]") X(filds, "filds %[source]")                      \
  X(fildl, "fildl %[source]") X(fildll, "fildll %[source]")
#define HOST_X87_CASE_NAME(name, text) X87Load_##name,
typedef enum __attribute__((enum_extensibility(closed))) : uint8_t { HOST_X87_LOADS(HOST_X87_CASE_NAME) } X87Load;
#undef HOST_X87_CASE_NAME

static inline HostX87Result hostX87Load(X87Load instruction, HostExtended source, uint16_t control) {
  HostX87Result result = {{0, 0}, {0, 0}, 0};
  uint16_t saved;
#define HOST_X87_CASE(name, text)                                                                                      \
  case X87Load_##name:                                                                                                 \
    __asm__ volatile(HOST_X87_BEGIN text HOST_X87_STATUS "fstpt %[result0]\n\t" HOST_X87_END                           \
                     : [saved] "=m"(saved), [status] "=m"(result.status), [result0] "=m"(result.st0)                   \
                     : [control] "m"(control), [source] "m"(source)                                                    \
                     : HOST_X87_STACK);                                                                                \
    break;
  switch (instruction) { HOST_X87_LOADS(HOST_X87_CASE) }
#undef HOST_X87_CASE
  return result;
}

/// Conversions of ST(0) to memory. Whether they pop is the caller's matter.
#define HOST_X87_STORES(X)                                                                                             \
  X(fsts) X(fstl) X(fistps) X(fistpl) X(fistpll) X(fisttps) X(fisttpl) X(fisttpll) X(fbstp)
#define HOST_X87_CASE_NAME(name) X87Store_##name,
typedef enum __attribute__((enum_extensibility(closed))) : uint8_t { HOST_X87_STORES(HOST_X87_CASE_NAME) } X87Store;
#undef HOST_X87_CASE_NAME

/// The stored bits come back in `st0`; an unmasked exception other than precision leaves them zero.
static inline HostX87Result hostX87Store(X87Store instruction, HostExtended st0, uint16_t control) {
  HostX87Result result = {{0, 0}, {0, 0}, 0};
  uint16_t saved;
#define HOST_X87_CASE(name)                                                                                            \
  case X87Store_##name:                                                                                                \
    __asm__ volatile(HOST_X87_BEGIN "fldt %[st0]\n\t" #name " %[result0]" HOST_X87_STATUS HOST_X87_END                 \
                     : [saved] "=m"(saved), [status] "=m"(result.status), [result0] "+m"(result.st0)                   \
                     : [control] "m"(control), [st0] "m"(st0)                                                          \
                     : HOST_X87_STACK);                                                                                \
    break;
  switch (instruction) { HOST_X87_STORES(HOST_X87_CASE) }
#undef HOST_X87_CASE
  return result;
}

#undef HOST_X87_BEGIN
#undef HOST_X87_STATUS
#undef HOST_X87_END
#undef HOST_X87_STACK

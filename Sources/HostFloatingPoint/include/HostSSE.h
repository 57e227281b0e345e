/// SSE, SSE2 and SSE3 floating-point instructions, executed on the host under a given MXCSR.
/// Intel SDM vol. 1, "Programming with Intel Streaming SIMD Extensions", "MXCSR Control and Status Register".
///
/// The caller passes an MXCSR whose six exception masks are all set, so no host exception can arise; what an unmasked
/// exception would have done follows from the flags that come back.
#pragma once
#include <stdint.h>

/// One XMM register.
typedef struct {
  uint64_t low, high;
} HostVector;

/// The destination register and MXCSR after the instruction; its flags are sticky, as the guest's are.
typedef struct {
  HostVector value;
  uint32_t mxcsr;
} HostVectorResult;

/// A general register, or the flags that a comparison writes, and MXCSR after the instruction.
typedef struct {
  uint64_t value;
  uint32_t mxcsr;
} HostScalarResult;

typedef float HostXMM __attribute__((vector_size(16)));

typedef union {
  HostVector words;
  HostXMM xmm;
} HostVectorBits;

/// Instructions of the shape `op xmm, xmm` that read or write MXCSR. A scalar one keeps the rest of its destination.
#define HOST_SSE_INSTRUCTIONS(X)                                                                                       \
  X(addps) X(addpd) X(addss) X(addsd) X(subps) X(subpd) X(subss) X(subsd)                                              \
  X(mulps) X(mulpd) X(mulss) X(mulsd) X(divps) X(divpd) X(divss) X(divsd)                                              \
  X(minps) X(minpd) X(minss) X(minsd) X(maxps) X(maxpd) X(maxss) X(maxsd)                                              \
  X(sqrtps) X(sqrtpd) X(sqrtss) X(sqrtsd)                                                                              \
  X(addsubps) X(addsubpd) X(haddps) X(haddpd) X(hsubps) X(hsubpd)                                                      \
  X(cvtps2pd) X(cvtpd2ps) X(cvtss2sd) X(cvtsd2ss)                                                                      \
  X(cvtdq2ps) X(cvtdq2pd) X(cvtps2dq) X(cvttps2dq) X(cvtpd2dq) X(cvttpd2dq)

#define HOST_SSE_CASE_NAME(name) SSEInstruction_##name,
typedef enum __attribute__((enum_extensibility(closed))) : uint8_t {
  HOST_SSE_INSTRUCTIONS(HOST_SSE_CASE_NAME)
} SSEInstruction;
#undef HOST_SSE_CASE_NAME

#define HOST_SSE_ONE(name) +1
static const uint8_t hostSSEInstructionCount = 0 HOST_SSE_INSTRUCTIONS(HOST_SSE_ONE);
#undef HOST_SSE_ONE

/// One asm block, so that nothing of the compiler's own runs under the guest's MXCSR.
#define HOST_UNDER_MXCSR(instruction)                                                                                  \
  "stmxcsr %[saved]\n\t"                                                                                               \
  "ldmxcsr %[control]\n\t" instruction "\n\t"                                                                          \
  "stmxcsr %[control]\n\t"                                                                                             \
  "ldmxcsr %[saved]"
#define HOST_MXCSR_OPERANDS [saved] "=m"(saved), [control] "+m"(control)

/// `instruction destination, source`.
static inline HostVectorResult hostSSE(
    SSEInstruction instruction, HostVector destination, HostVector source, uint32_t mxcsr) {
  HostVectorBits to = {destination}, from = {source};
  uint32_t saved, control = mxcsr;
#define HOST_SSE_CASE(name)                                                                                            \
  case SSEInstruction_##name:                                                                                          \
    __asm__ volatile(HOST_UNDER_MXCSR(#name " %[from], %[to]")                                                         \
                     : HOST_MXCSR_OPERANDS, [to] "+x"(to.xmm)                                                          \
                     : [from] "x"(from.xmm));                                                                          \
    break;
  switch (instruction) { HOST_SSE_INSTRUCTIONS(HOST_SSE_CASE) }
#undef HOST_SSE_CASE
  return (HostVectorResult){to.words, control};
}

/// CMPPS, CMPPD, CMPSS and CMPSD with the eight predicates of the legacy encoding.
typedef enum __attribute__((enum_extensibility(closed))) : uint8_t {
  SSECompareInstruction_cmpps,
  SSECompareInstruction_cmppd,
  SSECompareInstruction_cmpss,
  SSECompareInstruction_cmpsd,
} SSECompareInstruction;

/// Only the low three bits of `predicate` count.
static inline HostVectorResult hostSSECompare(
    SSECompareInstruction instruction, uint8_t predicate, HostVector destination, HostVector source, uint32_t mxcsr) {
  HostVectorBits to = {destination}, from = {source};
  uint32_t saved, control = mxcsr;
#define HOST_COMPARE_CASE(name, number)                                                                                \
  case SSECompareInstruction_##name * 8 + number:                                                                      \
    __asm__ volatile(HOST_UNDER_MXCSR(#name " $" #number ", %[from], %[to]")                                           \
                     : HOST_MXCSR_OPERANDS, [to] "+x"(to.xmm)                                                          \
                     : [from] "x"(from.xmm));                                                                          \
    break;
#define HOST_COMPARE_CASES(name)                                                                                       \
  HOST_COMPARE_CASE(name, 0) HOST_COMPARE_CASE(name, 1) HOST_COMPARE_CASE(name, 2) HOST_COMPARE_CASE(name, 3)          \
  HOST_COMPARE_CASE(name, 4) HOST_COMPARE_CASE(name, 5) HOST_COMPARE_CASE(name, 6) HOST_COMPARE_CASE(name, 7)
  switch (instruction * 8 + (predicate & 7)) {
    HOST_COMPARE_CASES(cmpps)
    HOST_COMPARE_CASES(cmppd)
    HOST_COMPARE_CASES(cmpss)
    HOST_COMPARE_CASES(cmpsd)
  }
#undef HOST_COMPARE_CASES
#undef HOST_COMPARE_CASE
  return (HostVectorResult){to.words, control};
}

/// COMISS, COMISD, UCOMISS and UCOMISD.
#define HOST_SSE_FLAG_COMPARISONS(X) X(comiss) X(comisd) X(ucomiss) X(ucomisd)
#define HOST_SSE_CASE_NAME(name) SSEFlagComparison_##name,
typedef enum __attribute__((enum_extensibility(closed))) : uint8_t {
  HOST_SSE_FLAG_COMPARISONS(HOST_SSE_CASE_NAME)
} SSEFlagComparison;
#undef HOST_SSE_CASE_NAME

/// The value holds CF, PF and ZF at their places in RFLAGS (bits 0, 2 and 6).
static inline HostScalarResult hostSSECompareToFlags(
    SSEFlagComparison instruction, HostVector left, HostVector right, uint32_t mxcsr) {
  HostVectorBits a = {left}, b = {right};
  uint32_t saved, control = mxcsr;
  uint8_t carry = 0, parity = 0, zero = 0;
#define HOST_SSE_CASE(name)                                                                                            \
  case SSEFlagComparison_##name:                                                                                       \
    __asm__ volatile(HOST_UNDER_MXCSR(#name " %[b], %[a]\n\tsetc %[carry]\n\tsetp %[parity]\n\tsetz %[zero]")          \
                     : HOST_MXCSR_OPERANDS, [carry] "=q"(carry), [parity] "=q"(parity), [zero] "=q"(zero)              \
                     : [a] "x"(a.xmm), [b] "x"(b.xmm)                                                                  \
                     : "cc");                                                                                          \
    break;
  switch (instruction) { HOST_SSE_FLAG_COMPARISONS(HOST_SSE_CASE) }
#undef HOST_SSE_CASE
  return (HostScalarResult){(uint64_t)carry | (uint64_t)parity << 2 | (uint64_t)zero << 6, control};
}

/// Conversions from the low element of an XMM register to a general register: `l` to 32 bits, `q` to 64.
#define HOST_SSE_TO_INTEGER(X)                                                                                         \
  X(cvtss2sil, "k") X(cvtss2siq, "q") X(cvtsd2sil, "k") X(cvtsd2siq, "q")                                              \
  X(cvttss2sil, "k") X(cvttss2siq, "q") X(cvttsd2sil, "k") X(cvttsd2siq, "q")
#define HOST_SSE_CASE_NAME(name, size) SSEToInteger_##name,
typedef enum __attribute__((enum_extensibility(closed))) : uint8_t {
  HOST_SSE_TO_INTEGER(HOST_SSE_CASE_NAME)
} SSEToInteger;
#undef HOST_SSE_CASE_NAME

/// A 32-bit result is zero-extended.
static inline HostScalarResult hostSSEToInteger(SSEToInteger instruction, HostVector source, uint32_t mxcsr) {
  HostVectorBits from = {source};
  uint32_t saved, control = mxcsr;
  uint64_t to = 0;
#define HOST_SSE_CASE(name, size)                                                                                      \
  case SSEToInteger_##name:                                                                                            \
    __asm__ volatile(HOST_UNDER_MXCSR(#name " %[from], %" size "[to]")                                                 \
                     : HOST_MXCSR_OPERANDS, [to] "=r"(to)                                                              \
                     : [from] "x"(from.xmm));                                                                          \
    break;
  switch (instruction) { HOST_SSE_TO_INTEGER(HOST_SSE_CASE) }
#undef HOST_SSE_CASE
  return (HostScalarResult){to, control};
}

/// Conversions from a general register to the low element of an XMM register.
#define HOST_SSE_FROM_INTEGER(X) X(cvtsi2ssl, "k") X(cvtsi2ssq, "q") X(cvtsi2sdl, "k") X(cvtsi2sdq, "q")
#define HOST_SSE_CASE_NAME(name, size) SSEFromInteger_##name,
typedef enum __attribute__((enum_extensibility(closed))) : uint8_t {
  HOST_SSE_FROM_INTEGER(HOST_SSE_CASE_NAME)
} SSEFromInteger;
#undef HOST_SSE_CASE_NAME

static inline HostVectorResult hostSSEFromInteger(
    SSEFromInteger instruction, HostVector destination, uint64_t source, uint32_t mxcsr) {
  HostVectorBits to = {destination};
  uint32_t saved, control = mxcsr;
#define HOST_SSE_CASE(name, size)                                                                                      \
  case SSEFromInteger_##name:                                                                                          \
    __asm__ volatile(HOST_UNDER_MXCSR(#name " %" size "[from], %[to]")                                                 \
                     : HOST_MXCSR_OPERANDS, [to] "+x"(to.xmm)                                                          \
                     : [from] "r"(source));                                                                            \
    break;
  switch (instruction) { HOST_SSE_FROM_INTEGER(HOST_SSE_CASE) }
#undef HOST_SSE_CASE
  return (HostVectorResult){to.words, control};
}

#undef HOST_MXCSR_OPERANDS
#undef HOST_UNDER_MXCSR

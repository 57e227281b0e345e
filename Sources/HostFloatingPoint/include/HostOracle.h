/// For tests alone: the host processor's own answers to compare the machine's with.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "HostFloatingPoint.h"

/// The number of a packed integer instruction `op register, register` by its mnemonic, or -1.
int oraclePackedNumber(const char *name);
HostVector oraclePackedXMM(int number, HostVector destination, HostVector source);
uint64_t oraclePackedMMX(int number, uint64_t destination, uint64_t source);

/// The number of an instruction `op xmm, xmm, imm8` (or `op xmm, imm8`, the source unused) by its mnemonic, or -1.
int oracleImmediateNumber(const char *name);
HostVector oracleImmediate(int number, HostVector destination, HostVector source, uint8_t immediate);
uint64_t oraclePSHUFW(uint64_t source, uint8_t immediate);

/// The number of an instruction `op r32, xmm` by its mnemonic, or -1.
int oracleMaskNumber(const char *name);
uint32_t oracleMask(int number, HostVector source);

/// `hostSSE` with exceptions unmasked: MXCSR is the one that the host had when it raised #XM.
HostVectorResult oracleUnmaskedSSE(
    SSEInstruction instruction, HostVector destination, HostVector source, uint32_t mxcsr, bool *raised);

/// Executes one x87 instruction, named by the low three bits of its escape byte and ModRM (a memory form always takes
/// [rdi]), on the state of a 64-bit FXSAVE image, which it replaces. No unmasked exception may be pending in the image
/// unless the instruction does not wait. `memory` has room for 108 bytes.
void oracleX87(uint16_t opcode, void *image, void *memory, uint64_t *rflags, uint16_t *ax);

typedef enum __attribute__((enum_extensibility(closed))) : uint8_t {
  OracleEnvironment_fldenv,
  OracleEnvironment_fnstenv,
  OracleEnvironment_frstor,
  OracleEnvironment_fnsave,
} OracleEnvironment;

/// The same for the instructions that load and store an environment, with 16-bit operand size when `word`.
void oracleX87Environment(OracleEnvironment instruction, bool word, void *image, void *memory);

typedef enum __attribute__((enum_extensibility(closed))) : uint8_t {
  OracleMMX_write,
  OracleMMX_read,
  OracleMMX_emms,
} OracleMMX;

/// MOVQ between MM3 and memory, or EMMS.
void oracleMMX(OracleMMX instruction, void *image, void *memory);

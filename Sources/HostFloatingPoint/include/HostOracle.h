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

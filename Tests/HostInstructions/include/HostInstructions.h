/// For tests alone: one integer instruction executed by the host processor, from a chosen state, and what it left.
///
/// The memory that instructions see lies at fixed low addresses, so that a guest can have the same pages at the same place.
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
  /// Two pages, readable, writable, executable. All of it but the instruction leads back to the caller; see `hostPlace`.
  HOST_CODE = 0x200000,
  HOST_CODE_END = 0x202000,
  /// Two pages, readable and writable; nothing is mapped before and after them.
  HOST_MEMORY = 0x210000,
  HOST_MEMORY_END = 0x212000,
  /// One page, readable alone.
  HOST_CONSTANT = 0x220000,
  HOST_CONSTANT_END = 0x221000,
  /// Distance of two landing places in the code pages.
  HOST_LANDING = 16,
};

typedef struct {
  /// In the order of their encoding: RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15.
  uint64_t general[16];
  uint64_t rflags;
  uint64_t rip;
} HostRegisters;

typedef struct {
  /// The exception's vector, or -1 where the instruction completed.
  int32_t vector;
  uint32_t errorCode;
  /// CR2, for a page fault.
  uint64_t faultAddress;
} HostOutcome;

/// Maps the pages and takes the signals. False where the addresses are not free.
bool hostPrepare(void);

typedef struct {
  /// CPUID's name, 12 characters.
  char vendor[13];
  /// As CPUID's leaf 1 has them, the extended parts included.
  uint32_t family, model, stepping;
  /// SSSE3, SSE4.1, SSE4.2, POPCNT, MOVBE, BMI1, BMI2 and LZCNT are all there.
  bool hasExtensions;
} HostSignature;

/// Which processor the host is: the machine's profile follows its vendor where vendors differ.
HostSignature hostSignature(void);

/// Writes instructions at `address` in the code pages, with a landing place right behind them where there is room. What
/// would lie behind the pages is left out.
void hostPlace(uint64_t address, const uint8_t *bytes, uint32_t count);

/// Fills the page that is readable alone.
void hostFillConstant(const uint8_t *bytes, uint32_t count);

/// Loads the registers, executes the instruction at `rip`, and stores what it left. One caller at a time.
void hostExecute(HostRegisters *registers, HostOutcome *outcome);

/// The same for instructions that change the x87, MMX or SSE state.
void hostExecuteVector(HostRegisters *registers, HostOutcome *outcome);

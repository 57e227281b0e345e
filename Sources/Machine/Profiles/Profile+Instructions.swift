/// What instructions of user mode do differently on the two vendors' processors. The section of the manual stands with each; where
/// no manual says it, what a processor was seen to do.
///
/// `Documentation/Oracles.md`, "The vendors' processors", says which processors.

extension Profile {
  /// A repeated string instruction with 32-bit addresses in 64-bit mode zero-extends ECX (MOVS ESI and EDI too, STOS EDI) even where
  /// ECX is 0 and nothing is iterated.
  ///
  /// No manual says it. Seen on Intel's; AMD's leave the registers as they are. Each iteration zero-extends what it writes on both.
  var zeroExtendsWithoutIteration: Bool { vendor == .intel }

  /// REPE/REPNE CMPS and SCAS that fault in the middle leave RFLAGS as before the instruction, not as of the last comparison.
  ///
  /// SDM vol. 2, "REP/REPE/REPZ/REPNE/REPNZ": restored to the state prior to the execution of the instruction. The APM is silent;
  /// AMD's keep those of the last comparison.
  var restoresFlagsOfComparedStrings: Bool { vendor == .intel }

  /// What FXSAVE and FXRSTOR do with FOP, FIP and FDP while no unmasked exception is pending.
  ///
  /// SDM vol. 1, "x87 FPU Instruction and Data (Operand) Pointers"; AMD APM vol. 2, "FXSAVE and FXRSTOR Instructions".
  var x87PointerSaving: X87PointerSaving { vendor == .amd ? .onlyWhenPending : .always }
}

/// What instructions of user mode do differently on the two vendors' processors. The section of the manual stands with each; where
/// no manual says it, what a processor was seen to do.
///
/// `Documentation/Oracles.md`, "The vendors' processors", says which processors.

extension Profile {
  /// A repeated string instruction with 32-bit addresses in 64-bit mode begins by zero-extending ECX (MOVS ESI and EDI too, STOS EDI),
  /// also where ECX is 0 or the first iteration faults.
  ///
  /// No manual says it. Seen on Intel's; AMD's leave the registers as they are. Each iteration zero-extends what it writes on both.
  var zeroExtendsBeforeIterating: Bool { vendor == .intel }

  /// REPE/REPNE CMPS and SCAS that fault in the middle leave RFLAGS as before the instruction, not as of the last comparison.
  ///
  /// SDM vol. 2, "REP/REPE/REPZ/REPNE/REPNZ": restored to the state prior to the execution of the instruction. The APM is silent;
  /// AMD's keep those of the last comparison.
  var restoresFlagsOfComparedStrings: Bool { vendor == .intel }

  /// A near CALL whose target is not canonical has stored its return address when it faults. RSP is as it was.
  ///
  /// The SDM's operation of CALL pushes before it loads RIP. Seen on an Intel processor; AMD's store nothing.
  var storesReturnAddressFirst: Bool { vendor == .intel }

  /// Which of two NaNs a sum of DPPS and DPPD gives.
  ///
  /// The SDM and the APM leave the order of the sums open. Seen on both vendors' processors.
  var dotProductSums: DotProductSums { vendor == .intel ? .ofEachElement : .ofPairs }

  /// What FXSAVE and FXRSTOR do with FOP, FIP and FDP while no unmasked exception is pending.
  ///
  /// SDM vol. 1, "x87 FPU Instruction and Data (Operand) Pointers"; AMD APM vol. 2, "FXSAVE and FXRSTOR Instructions".
  var x87PointerSaving: X87PointerSaving { vendor == .amd ? .onlyWhenPending : .always }
}

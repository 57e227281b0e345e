/// Guards of the processor's tables and registers, taken away at the crossing.
///
/// SDM vol. 3A, "Interrupt Stack Table"; vol. 3A, "Fast System Calls in 64-Bit Mode".
import Findings
import Machine
import Platform

extension BareMetalComputer {
  public func prepare(_ ablation: Ablation) -> Verdict? {
    switch ablation {
    case .nmiWithoutIST: takeInterruptStack(of: .nmi, ablation)
    case .dbWithoutIST: takeInterruptStack(of: .debug, ablation)
    case .mcWithoutIST: takeInterruptStack(of: .machineCheck, ablation)
    case .ifNotMaskedAtSyscall: unmask(.interruptEnable, "IF", ablation)
    case .tfNotMaskedAtSyscall: unmask(.trap, "TF", ablation)
    case .nmiGateAbsent where processor.deliversByFRED: ablation.isAbsent("FRED knows no gates")
    case .nmiGateAbsent:
      switch processor.isGatePresent(of: .nmi) {
      case true? where processor.setGateAbsent(of: .nmi): nil
      case false?: ablation.isAbsent("the NMI gate is not present")
      default: ablation.isOutOfReach("the NMI gate")
      }
    default: nil
    }
  }

  private func takeInterruptStack(of vector: Vector, _ ablation: Ablation) -> Verdict? {
    if processor.deliversByFRED {
      if processor.stackLevel(of: vector) == 0 { return ablation.isAbsent("the vector has no stack level of its own") }
      processor.setStackLevel(of: vector, to: 0)
      return nil
    }
    guard let index = processor.interruptStack(of: vector) else { return ablation.isOutOfReach("the gate") }
    if index == 0 { return ablation.isAbsent("the gate uses no interrupt stack") }
    return processor.setInterruptStack(of: vector, to: 0) ? nil : ablation.isOutOfReach("the gate")
  }

  private func unmask(_ flag: RFLAGS, _ name: String, _ ablation: Ablation) -> Verdict? {
    if processor.deliversByFRED { return ablation.isAbsent("FRED clears \(name), whatever IA32_FMASK says") }
    if processor.syscallMask & flag.rawValue == 0 { return ablation.isAbsent("IA32_FMASK does not clear \(name)") }
    processor.syscallMask &= ~flag.rawValue
    return nil
  }
}

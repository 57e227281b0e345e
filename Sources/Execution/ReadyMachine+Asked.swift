/// Which invariants are asked of a kernel on its machine, and why the rest is not: what is not asked is not said to hold.
import Findings
import Invariants
import Platform
import Subjects

extension ReadyMachine {
  /// Why an invariant is not asked here, as a clause; nil where it is.
  package func whyUnasked(_ invariant: InvariantName) -> String? {
    let platform = computer.platform
    let byFRED = computer.processor.deliversByFRED
    if !byFRED && Monitors.identifiersOfFRED.contains(invariant) { return "events are not delivered by FRED here" }
    if invariant == Monitors.gatesClosed {
      if byFRED { return "by FRED no gate decides" }
      if platform.needsHypervisor { return "what INT n reaches first is the hypervisor's" }
    }
    if platform.needsHypervisor && invariant == Monitors.interruptsAsClaimed {
      return "the guest's mask is not the processor's"
    }
    if invariant == Monitors.registersCleared {
      if platform.needsHypervisor { return "the hypervisor's entries are not followed" }
      if !clearsRegisters { return "the kernel's crossings clear no register" }
    }
    if Monitors.identifiers(owed: computer.owed).contains(invariant) { return nil }
    return platform == .xenPV
      ? "on \(platform.rawValue) the hypervisor owes it, or nobody on \(profileName.rawValue)"
      : "nobody owes it on \(profileName.rawValue)"
  }
}

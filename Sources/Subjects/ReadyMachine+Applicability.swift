/// Why the probe cannot make a crossing from a posture: what does not exist, and whose it would be.
///
/// What is asked of the processor and of the kernel stands in `Probe/setup.c`, where `limen_applicable` is filled in.
import Findings

extension ReadyMachine {
  /// - Returns: a sentence without a full stop.
  static func whyNot(_ crossing: CrossingKind, from posture: PostureName, on profile: ProfileName) -> String {
    let name = posture.rawValue
    switch (crossing, profile.processor.vendor) {
    // APM vol. 2, "SYSENTER and SYSEXIT (Legacy Mode Only)"; SDM vol. 2, "SYSCALL": #UD outside 64-bit mode.
    case (.sysenter, .amd): return "AMD's processors have no SYSENTER in long mode"
    case (.syscall32, .intel): return "Intel's processors have no SYSCALL in compatibility mode"
    default: break
    }
    if name.hasPrefix("return-") && crossing != .sigreturn {
      return "\(name) is what a signal returns to: the crossing \(crossing.rawValue) has none (sigreturn has)"
    }
    if crossing == .db && (name == "flags-tf" || name == "flags-all") {
      return "\(name) sets TF, which is the crossing db itself"
    }
    if name == "alarm-due" && ![.syscall64, .syscall32, .sysenter, .int80].contains(crossing) {
      return "the alarm of alarm-due runs out inside a system call, and \(crossing.rawValue) is none"
    }
    if name == "stack-ldt" && !FurtherPosture.stackInLDT.makesSense(for: crossing) {
      return "the way back from \(crossing.rawValue) loads SS anew"
    }
    if (name == "code-top" || name == "code-end") && !FurtherPosture.codeEnd.makesSense(for: crossing) {
      let placed = CrossingKind.allCases.filter(FurtherPosture.codeEnd.makesSense).map(\.rawValue)
      return "the probe places only \(placed.joined(separator: ", ")) at the top of user memory"
    }
    if name == "code-32" { return "\(crossing.rawValue) is not what 64-bit code and 32-bit code do alike" }
    if crossing == .sysenter || crossing == .syscall32 {
      return "the kernel maps no 32-bit vDSO, into which \(crossing.rawValue) returns"
    }
    switch name {
    case "gs-kernel", "fs-kernel":
      return "the kernel leaves CR4.FSGSBASE clear, without which no process sets that base"
    case "code-top": return "the kernel maps no page at the top of user memory, 0x7fffffffe000"
    case "return-ss-16bit", "return-cs-32-ss-16bit":
      return "the kernel lets no process have 16-bit segments (modify_ldt)"
    case "return-ss-absent", "return-cs-absent", "return-ss-ldt":
      return noLDT
    default: return "the probe does not make the crossing \(crossing.rawValue) from \(name)"
    }
  }

  /// Why the probe does not make the crossing from the posture on this machine; nil where it does, as far as can be said before it is tried.
  package func obstacle(to crossing: CrossingKind, from posture: PostureName) throws -> String? {
    guard probe.crossings.contains(crossing.rawValue) else { return "the probe has no crossing \(crossing.rawValue)" }
    guard probe.postures.contains(posture) else { return "the probe has no posture \(posture)" }
    let further = FurtherPosture(posture)
    guard try isApplicable(crossing, from: FurtherPosture.given(posture)), further?.makesSense(for: crossing) ?? true
    else { return Self.whyNot(crossing, from: posture, on: profileName) }
    if further?.needsLDT == true, try !isApplicable(.sigreturn, from: "return-ss-ldt") { return Self.noLDT }
    return FurtherCrossing(crossing).flatMap(obstacle)
  }

  /// What the probe says of the pair on this processor and kernel, at its request.
  private func isApplicable(_ crossing: CrossingKind, from posture: PostureName) throws -> Bool {
    guard let place = probe.place(of: crossing, from: posture) else { return false }
    let table = try probe.address("limen_applicable")
    return computer.processor.bytes(atLinear: table + UInt64(place), count: 1).map { $0[0] != 0 } ?? false
  }

  private static let noLDT = "the kernel lets no process have an LDT (modify_ldt)"
}

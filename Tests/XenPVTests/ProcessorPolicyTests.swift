import Foundation
import Machine
import Testing

/// Goal: a domain is told the same of the processor by the model as by Xen itself, of every part: all leaves of CPUID, and the registers
/// that say what speculation does. Debian's Xen 4.17 runs in the bare-metal machine.
@Suite(.serialized) struct ProcessorPolicyTests {
  /// What does not follow from the processor: how fast the TSC is, which Xen measures, and how wide machine addresses are, which hangs on
  /// how much memory there is.
  private static let othersWords: Set<String> = [
    "LIMEN processor/subleaf-0-40000003.kernel", "LIMEN processor/subleaf-1-40000003.kernel",
    "LIMEN processor/subleaf-2-40000003.kernel", "LIMEN processor/subleaf-0-40000005.kernel",
  ]

  /// The board has one thread of a core of two. For Xen multithreading is off then, and a Zen 2 is not affected by SRSO: EAX bit 29. The
  /// model goes by the core.
  private static func withMultithreading(_ line: String, _ profile: Profile) -> String {
    guard profile.name == "zen2", line.contains("-80000021.kernel") else { return line }
    return line.replacing("rax=30000044", with: "rax=10000044")
  }

  @Test(arguments: Profile.all.map(\.name)) func theModelSaysWhatXenSays(name: String) throws {
    let profile = try #require(Profile.all.first { $0.name == name })
    let ran = try RealXenTests.boot(profile, "processor")
    let demanded = ran.filter { $0.hasPrefix("LIMEN ") }
    let (printed, end) = try LimenAgreesTests.boot(profile, "processor")
    #expect(end == .powerOff)
    #expect(demanded.count > 300)
    #expect(printed.map(OracleLog.name) == demanded.map(OracleLog.name))
    for (printed, demanded) in zip(printed, demanded) where !Self.othersWords.contains(OracleLog.name(printed)) {
      #expect(printed == Self.withMultithreading(demanded, profile))
    }
  }
}

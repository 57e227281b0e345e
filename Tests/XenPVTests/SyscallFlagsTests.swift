import Foundation
import Machine
import Testing
import XenPV

/// Goal: the finding `Documentation/Findings/xen-pv-syscall-flags.md` is repeated whenever the tests run. Real Xen, 4.17 and 4.20, gives a
/// PV guest's kernel the user's DF at a SYSCALL; with another register for the flag mask it does not; and the model does what
/// each of them does. The oracle is the hypervisor under QEMU, as it is and mended.
@Suite(.serialized) struct SyscallFlagsTests {
  static let repeated = XenAgreesTests.run(["Scripts/findings/xen-pv-syscall-flags.sh"])

  /// RFLAGS of the user and of the kernel's first instruction, and where the frame is below the top of a page-aligned stack.
  struct Observation: Hashable {
    let user, kernel, below: UInt64
  }

  /// What the script prints of one hypervisor.
  struct Boot {
    let hypervisor: String
    var observations: [Observation] = []
    var isMended: Bool { hypervisor.hasSuffix("with the mask in EBP") }
  }

  static func boots() throws -> [Boot] {
    try #require(XenAgreesTests.buildFailure == nil)
    try #require(repeated.status == 0, "\(repeated.output)\(repeated.complaint)")
    let seen = #/  RFLAGS of the user ([0-9a-f]+), frame at K-([0-9a-f]+) +RFLAGS of the kernel ([0-9a-f]+)(  DF)?/#
    var boots: [Boot] = []
    for line in repeated.output.split(separator: "\n") {
      if line.hasPrefix("Xen version ") {
        boots.append(Boot(hypervisor: String(line)))
      } else {
        let match = try #require(line.wholeMatch(of: seen), "\(line)")
        let numbers = [match.1, match.3, match.2].map { UInt64($0, radix: 16)! }
        boots[boots.count - 1].observations.append(
          Observation(user: numbers[0], kernel: numbers[1], below: numbers[2]))
      }
    }
    return boots
  }

  private static let trapClears: RFLAGS = [.alignmentCheck, .virtual8086, .resume, .nestedTask, .trap]
  private static let always: UInt64 = RFLAGS.interruptEnable.rawValue | 2

  @Test(.enabled(if: XenAgreesTests.hasQEMU)) func realXenLeavesDFAndMendedDoesNot() throws {
    let boots = try Self.boots()
    #expect(boots.map(\.isMended) == [false, true, false, true])
    #expect(boots.map { $0.hypervisor.split(separator: " ")[2].prefix(4) } == ["4.17", "4.17", "4.20", "4.20"])
    for boot in boots {
      #expect(boot.observations.count == 5)
      for seen in boot.observations {
        #expect(seen.user & RFLAGS.direction.rawValue != 0)
        let kept = seen.user & ~Self.trapClears.rawValue
        // Mended: ~DF, what xen/arch/x86/x86_64/entry.S says of the PV ABI. Not: the low half of the frame's address.
        let mask = boot.isMended ? ~RFLAGS.direction.rawValue : (0 &- seen.below) & 0xFFF
        #expect(seen.kernel == kept & mask | Self.always, "\(boot.hypervisor): K-\(seen.below)")
      }
    }
  }

  @Test(.enabled(if: XenAgreesTests.hasQEMU)) func theModelDoesWhatEachXenDoes() throws {
    for boot in try Self.boots() {
      let (printed, _) = try LimenAgreesTests.boot(.amd, without: boot.isMended ? .syscallMaskLost : [])
      let lines = printed.filter { $0.hasPrefix("LIMEN flags/syscall-all-") }
      let observations = try lines.map { line in
        let words = line.split(separator: " ")
        return Observation(
          user: try #require(UInt64(words[5], radix: 16)), kernel: try #require(UInt64(words[12], radix: 16)),
          below: try #require(UInt64(words[13].dropFirst(2), radix: 16)))
      }
      #expect(observations == boot.observations, "\(boot.hypervisor)")
    }
  }
}

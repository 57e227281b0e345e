/// Goal: the crossings that the probe is helped to are the exceptions of their names, as the manual has them; stock kernels and designs answer each with
/// its signal; and where the kernel leaves out what an exception needs, it is not applicable.
import Findings
import Foundation
import Testing

@Suite struct FurtherCrossingTests {
  private static let further: [CrossingKind] = [.of, .ss, .ac, .mf, .xm]

  private func expectToHold(
    _ kernel: String, _ platforms: [PlatformName], _ profiles: [ProfileName], _ crossings: [CrossingKind] = further,
    _ posture: PostureName = "normal"
  ) throws {
    let checker = try KernelUnderTest.checker(
      kernel, platforms: platforms, profiles: profiles, crossings: crossings, postures: [posture], events: [], jobs: 2)
    let sections = try checker.check { _ in }.report.sections
    #expect(sections.count == platforms.count * profiles.count * crossings.count)
    for section in sections {
      let name = "\(kernel) \(section.platform.rawValue) \(section.profile.rawValue) \(section.crossing.rawValue)"
      #expect(section.verdict == .held, "\(name): \(section.verdict) \(section.findings.map(\.message))")
    }
  }

  /// SDM vol. 3A, "Exception and Interrupt Reference": which vectors have an error code, and that INT 4 is a trap and the others are faults.
  @Test(
    arguments: [(.of, 4, nil), (.ss, 12, 0), (.mf, 16, nil), (.ac, 17, 0), (.xm, 19, nil)]
      as [(CrossingKind, Int, UInt64?)])
  func eachIsTheExceptionOfItsName(crossing: CrossingKind, vector: Int, errorCode: UInt64?) throws {
    let checker = try KernelUnderTest.checker("debian-6.1-cloud", profiles: [.intel], crossings: [crossing])
    let trace = try checker.trace([:], accesses: false) { _ in }
    let delivery = try #require(trace.steps[0].delivery)
    #expect(delivery.vector == vector && delivery.errorCode?.value == errorCode)
    let words = delivery.words.map(\.value)
    try #require(words.count == (errorCode == nil ? 5 : 6))
    let length: UInt64 = crossing == .of ? 2 : 0
    #expect(words[words.count - 5] == trace.steps[0].location.address + length)
    #expect(words[words.count - 4] == 0x33)
    #expect(trace.end.kind == .user)
  }

  @Test func stockKernelsAnswerEach() throws {
    try expectToHold("debian-6.1-cloud", [.bareMetal, .xenPV], ProfileName.plain)
    // By the IDT and by FRED.
    try expectToHold("debian-7.3.4-cloud", [.bareMetal], [.intel, .wildcatLake])
  }

  @Test func stockKernelsTellUserModeFromItsPrivilege() throws {
    let crossings: [CrossingKind] = [.int80, .ud, .bp, .gp, .of, .mf, .xm, .irq, .nmi, .db]
    try expectToHold("debian-6.1-cloud", [.bareMetal, .xenPV], [.intel], crossings, "code-32")
    let checker = try KernelUnderTest.checker(
      "debian-6.1-cloud", profiles: [.intel], crossings: [.ud], postures: ["code-32"])
    let delivery = try #require(try checker.trace([:], accesses: false) { _ in }.steps[0].delivery)
    #expect(delivery.words[1].value == 0x23)
  }

  /// The design of the project with the two bits cleared that a kernel may leave out: SDM vol. 3A, "Control Registers".
  @Test func whatTheKernelLeavesOutIsNotApplicable() throws {
    let folder = try TemporaryFolder()
    let limen = LimenProgram.probing(in: folder)
    let file = folder.url.appendingPathComponent("bits-clear.S")
    try """
    #include "threshold.h"
    #define DESIGN_NAME "bits-clear"
    #include "designs/complete/Entry.S"
    #include "parts/Start.h"
      THRESHOLD_START
      movq %cr0, %rax
      btrq $18, %rax
      movq %rax, %cr0
      movq %cr4, %rax
      btrq $10, %rax
      movq %rax, %cr4
      THRESHOLD_START_END

    """.write(to: file, atomically: true, encoding: .utf8)
    let ended = try limen(
      "check", file.path, "--platform", "bare-metal", "--profile", "intel", "--crossing", "of,ss,ac,mf,xm", "--event",
      "nmi", "--no-witnesses")
    #expect(ended.status == 0, "\(ended.complaint)")
    for crossing in ["of", "ss", "mf"] { #expect(ended.output.contains("intel \(crossing) normal: held\n")) }
    for (crossing, bit) in [("ac", "CR0.AM"), ("xm", "CR4.OSXMMEXCPT")] {
      #expect(ended.output.contains("intel \(crossing) normal: not applicable"))
      #expect(ended.output.contains("leaves \(bit) clear"))
    }
    let impossible = try limen(
      "check", "design:complete", "--profile", "intel", "--crossing", "ss,syscall64", "--posture", "code-32",
      "--no-witnesses")
    for crossing in ["ss", "syscall64"] {
      #expect(impossible.output.contains("\(crossing) is not what 64-bit code and 32-bit code do alike"))
    }
  }
}

import Findings
import Foundation
import Testing

/// Goal: postures that the user program is helped to are the user's own state, which a stock kernel keeps: segments of an LDT. What a kernel does not let a
/// program have is not applicable, with the reason.
@Suite struct FurtherPostureTests {
  private func sections(_ crossings: [CrossingKind], _ postures: [PostureName], _ platforms: [PlatformName]) throws
    -> [CheckSection]
  {
    let checker = try KernelUnderTest.checker(
      "debian-6.1-cloud", platforms: platforms, profiles: [.intel], crossings: crossings, postures: postures,
      events: [],
      jobs: 2)
    return try checker.check { _ in }.report.sections
  }

  @Test func aStockKernelKeepsSegmentsOfTheLDT() throws {
    let all = try sections([.int80, .ud, .irq], ["data-ldt", "stack-ldt"], [.bareMetal, .xenPV])
    #expect(all.count == 12)
    for section in all {
      #expect(section.verdict == .held, "\(section.crossing) \(section.posture): \(section.verdict)")
    }
  }

  /// Linux leaves the last page to nobody: TASK_SIZE_MAX.
  @Test func aStockKernelHasNoCodeAtTheEnd() throws {
    for section in try sections([.syscall64, .int80], ["code-end"], [.bareMetal]) {
      guard case .notApplicable(let reason) = section.verdict else {
        Issue.record("\(section.crossing): \(section.verdict)")
        continue
      }
      #expect(reason.contains("maps no page"))
    }
  }

  @Test func whatIsNotKeptIsNotApplicable() throws {
    let all = try sections([.syscall64, .gp], ["stack-ldt", "code-end"], [.bareMetal])
    let reasons = all.map { section -> String in
      if case .notApplicable(let reason) = section.verdict { return reason }
      return "\(section.verdict)"
    }
    #expect(reasons.contains { $0.contains("syscall64 loads SS anew") })
    #expect(reasons.contains { $0.contains("at the top of user memory") })
  }
}

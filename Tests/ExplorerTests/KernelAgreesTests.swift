/// Goal: the windows that asking twice finds are the ones that the kernel itself knows. Linux names its SYSCALL gap by labels
/// (`ip_within_syscall_gap` in arch/x86/include/asm/ptrace.h uses them); the explorer never looks at them.
import Explorer
import Findings
import KernelImage
import Machine
import Testing

@Suite(.serialized) struct KernelAgreesTests {
  /// Every boundary of the windows lies between the labels, and every boundary between the labels lies in a window.
  @Test(arguments: ["debian-6.1-cloud", "debian-6.1"], ProfileName.plain)
  func syscall64(kernel: String, profile: ProfileName) throws {
    let checker = try KernelUnderTest.checker(kernel, profiles: [profile], crossings: [.syscall64], events: [])
    let section = try #require(try checker.check { _ in }.report.sections.first)
    #expect(section.verdict == .held)
    let windows = section.windows.filter { $0.kind == .rsp }
    #expect(windows.map(\.direction) == [.entry, .exit])
    try expect(windows.first, checker, from: "entry_SYSCALL_64", to: "entry_SYSCALL_64_safe_stack")
    try expect(windows.last, checker, from: "entry_SYSRETQ_unsafe_stack", to: "entry_SYSRETQ_end")
  }

  /// The compatibility entry, which AMD's processors have.
  @Test(arguments: ["debian-6.1-cloud", "debian-6.1"])
  func syscall32(kernel: String) throws {
    let checker = try KernelUnderTest.checker(kernel, profiles: [.amd], crossings: [.syscall32], events: [])
    let section = try #require(try checker.check { _ in }.report.sections.first)
    #expect(section.verdict == .held)
    let windows = section.windows.filter { $0.kind == .rsp }
    try expect(windows.first, checker, from: "entry_SYSCALL_compat", to: "entry_SYSCALL_compat_safe_stack")
    try expect(
      windows.last, checker, from: "entry_SYSRETL_compat_unsafe_stack", to: "entry_SYSRETL_compat_end")
  }

  /// SYSENTER loads a kernel stack by itself: there is a window on the way out alone, where SYSRET needs the RSP that the user
  /// had in EBP.
  @Test(arguments: ["debian-6.1-cloud", "debian-6.1"])
  func sysenter(kernel: String) throws {
    let checker = try KernelUnderTest.checker(kernel, profiles: [.intel], crossings: [.sysenter], events: [])
    let section = try #require(try checker.check { _ in }.report.sections.first)
    #expect(section.verdict == .held)
    let windows = section.windows.filter { $0.kind == .rsp }
    #expect(windows.map(\.direction) == [.exit])
    try expect(
      windows.first, checker, from: "entry_SYSRETL_compat_unsafe_stack", to: "entry_SYSRETL_compat_end")
  }

  /// The window starts at the first label and its last instruction ends at the second.
  private func expect(_ window: Window?, _ checker: Checker, from first: String, to end: String) throws {
    let window = try #require(window)
    let start = try #require(checker.kernel.symbols.lookup(first))
    let limit = try #require(checker.kernel.symbols.lookup(end))
    #expect(window.first.address == start)
    #expect(window.last.address >= start && window.last.address < limit)
    let bytes = try #require(checker.kernel.contents(virtualAddress: window.last.address, count: 15))
    let instruction = try #require(Disassembler.instruction(Array(bytes), at: window.last.address))
    #expect(window.last.address + UInt64(instruction.length) == limit)
  }
}

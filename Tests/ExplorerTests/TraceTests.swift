import Explorer
import Findings
import Foundation
import KernelImage
import Reports
import Testing

/// Goal: a trace of Debian's kernel says of each boundary whose stack it runs on, as the kernel's own labels say it,
/// and draws the events that it takes as the manual and the kernel's headers say they arrive.
///
/// Oracles: the labels that Linux puts around the code on the user's RSP (arch/x86/entry/entry_64.S), its layout of
/// memory (Documentation/x86/x86_64/mm.rst) and of interrupt stacks (arch/x86/include/asm/page_64_types.h), and the
/// SDM.
@Suite(.serialized) struct TraceTests {
  static func trace(
    _ profile: ProfileName, _ events: [Int: EventKind] = [:], accesses: Bool = false, posture: PostureName = "normal"
  ) throws -> TraceRecord {
    let checker = try KernelUnderTest.checker(
      "debian-6.1-cloud", profiles: [profile], crossings: [.syscall64], postures: [posture], events: [])
    return try checker.trace(events, accesses: accesses) { _ in }
  }

  static let symbols = Result { try KernelImage(contentsOf: KernelUnderTest.path("debian-6.1-cloud")).symbols }

  static func address(_ symbol: String) throws -> UInt64 {
    try #require(symbols.get().lookup(symbol), "the image has no symbol \(symbol)")
  }

  /// Where entry_64.S says that RSP is not the kernel's: before the first label of each pair the stack is left, from
  /// the second on it is safe.
  static func unsafeCode() throws -> [Range<UInt64>] {
    [
      try address("entry_SYSCALL_64")..<address("entry_SYSCALL_64_safe_stack"),
      try address("entry_SYSRETQ_unsafe_stack")..<address("entry_SYSRETQ_end"),
    ]
  }

  @Test(arguments: ProfileName.plain)
  func theKernelAgreesOnItsStack(profile: ProfileName) throws {
    let trace = try Self.trace(profile)
    let unsafe = try Self.unsafeCode()
    #expect(trace.end.kind == .user && trace.exitStatus == .allHeld)

    let first = try #require(trace.steps.first { $0.cpl == 0 })
    #expect(first.boundary == 1 && first.location.description == "entry_SYSCALL_64")
    #expect(try first.location.address == Self.address("entry_SYSCALL_64"))

    let boundaries = trace.steps.dropFirst()
    let taken = boundaries.first { $0.instruction == "mov %cr3, %rsp" }
    let loaded = boundaries.first { unsafe[0].upperBound == $0.location.address }
    #expect((taken == nil) == (profile == .amd))
    let scratch = try taken.map { try $0.boundary + 1..<#require(loaded).boundary } ?? 0..<0
    for step in trace.steps where step.cpl == 0 {
      let inside = unsafe.contains { $0.contains(step.location.address) }
      #expect((step.rspOwner != .kernel) == inside, "\(step.boundary) \(step.location)")
      // Between MOV from CR3 and the load of the kernel's stack, RSP holds page tables: nobody's stack.
      #expect((step.rspOwner == .none) == scratch.contains(step.boundary), "\(step.boundary) \(step.location)")
    }
    for window in unsafe { #expect(trace.steps.contains { window.contains($0.location.address) }) }

    // SYSCALL is two bytes long, and the user goes on behind it.
    let crossing = try #require(Probe.built().symbols["limen_crossing_syscall64"])
    let last = try #require(trace.steps.last)
    #expect(trace.steps[0].location.address == crossing && trace.steps[0].instruction == "syscall")
    #expect(last.cpl == 3 && !last.executed && last.location.address == crossing + 2)
    #expect(trace.steps.dropLast().allSatisfy { $0.executed && $0.delivery == nil && $0.accesses == nil })
    #expect(trace.steps.dropFirst().dropLast().allSatisfy { $0.cpl == 0 })
  }

  /// SWAPGS is the first instruction of the entry and the last of the exit that changes the base; only the processor
  /// that has Meltdown gets page tables of its own for the kernel.
  @Test(arguments: ProfileName.plain)
  func ownersChangeAtTheInstructionsThatChangeThem(profile: ProfileName) throws {
    let trace = try Self.trace(profile)
    for (step, next) in zip(trace.steps, trace.steps.dropFirst()) where step.cpl == 0 && next.cpl == 0 {
      #expect((step.gsOwner != next.gsOwner) == (step.instruction == "swapgs"), "\(step.boundary)")
      if step.pageTables != next.pageTables { #expect(step.instruction?.hasSuffix("%cr3") == true, "\(step.boundary)") }
    }
    #expect(trace.steps[1].gsOwner == .user)
    let tables = Set(trace.steps.map(\.pageTables))
    #expect(tables == (profile == .intel ? [.kernel, .user] : [.shared]))
  }

  @Test(arguments: ProfileName.plain)
  func anInjectedNMIArrivesOnItsOwnStack(profile: ProfileName) throws {
    let trace = try Self.trace(profile, [1: .nmi], accesses: true)
    #expect(trace.injections == [TraceInjection(boundary: 1, event: .nmi, outcome: .taken)])
    #expect(trace.end.kind == .user && trace.exitStatus == .allHeld)

    let step = trace.steps[1]
    let delivery = try #require(step.delivery)
    #expect(step.location.description == "entry_SYSCALL_64" && !step.executed && step.rspOwner == .user)
    #expect(delivery.vector == 2 && delivery.injected && delivery.errorCode == nil)
    // IST_INDEX_NMI is 1, and the gate counts from 1.
    #expect(delivery.interruptStack == 2)
    let frame = delivery.frame.value
    // In cpu_entry_area; five words below the top of the stack, which ends with a page.
    #expect((0xffff_fe00_0000_0000...0xffff_fe7f_ffff_ffff).contains(frame))
    #expect((frame + 40) % 4096 == 0)
    // __KERNEL_CS is 0x10; SYSCALL loads SS with the next selector.
    #expect(
      delivery.words.map(\.value) == [step.location.address, 0x10, step.rflags.value, step.rsp.value, 0x18])

    let writes = try #require(step.accesses).filter { $0.kind == .write && $0.size == 8 }
    for (index, word) in delivery.words.enumerated() {
      #expect(writes.contains { $0.location.address == frame + UInt64(index) * 8 && $0.value == word })
    }
    let handler = trace.steps[2]
    #expect(handler.location.description == "asm_exc_nmi" && handler.rsp.value == frame)
    #expect(handler.rspOwner == .kernel && handler.gsOwner == .user)

    // The interrupted instruction is taken up again, on the user's RSP.
    let again = try #require(trace.steps.dropFirst(2).first { $0.location == step.location })
    #expect(again.executed && again.rsp == step.rsp && again.rspOwner == .user)
    let text = TraceReport().text(of: trace)
    #expect(text.contains("NMI (vector 2), injected: frame at 0x\(String(frame, radix: 16)) on IST 2\n"))
  }

  /// SYSCALL masks IF by IA32_FMASK, so nothing maskable arrives at the first kernel instruction.
  @Test func anInterruptIsKeptOut() throws {
    let trace = try Self.trace(.intel, [1: .externalInterrupt, 100_000_000: .nmi])
    #expect(trace.injections.map(\.outcome) == [.masked, .notReached])
    #expect(trace.exitStatus == .nothingApplied)
    #expect(trace.steps.allSatisfy { $0.delivery == nil })
  }

  @Test func theSameTraceTwiceIsTheSameText() throws {
    let traces = try (0..<2).map { _ in try Self.trace(.intel, [3: .machineCheck], accesses: true) }
    #expect(JSONReport.text(of: traces[0]) == JSONReport.text(of: traces[1]))
    #expect(TraceReport().text(of: traces[0]) == TraceReport().text(of: traces[1]))
  }

  @Test func whatDoesNotApplyIsRefused() throws {
    #expect(throws: TraceRefusal.self) { try Self.trace(.intel, posture: "no-such-posture") }
  }
}

/// The last that the kernel does before user mode is to have the buffers overwritten that hold its data.
///
/// Intel, "Microarchitectural Data Sampling", "Register File Data Sampling"; AMD, "Technical Guidance for Mitigating Transient Scheduler
/// Attacks"; Linux Documentation/arch/x86/mds.rst.
import Findings
import Machine

struct BuffersCleared: Monitor {
  static let description = InvariantDescription(
    identifier: "buffers-cleared",
    claim:
      "Where the part's buffers outlive the privilege, VERW with a memory operand is executed on every way to user mode, and behind it "
      + "the kernel reaches no memory but the frame of its return, with the error code below it, and what user mode has of its own, and loads no register of the user's.",
    why:
      "Loads, stores and registers of the kernel's stay in buffers that user mode can sample. VERW overwrites them; what is read or "
      + "popped behind it is there again. The form with a register clears nothing. An event in between is another question: "
      + "defence-holds.",
    citation: "Intel, \"Microarchitectural Data Sampling\"; AMD-SB-7029; Linux Documentation/arch/x86/mds.rst",
    specimens: ["ablation verw-skipped"])

  /// Since the last VERW.
  private struct Cleared: Sendable, Hashable {
    var registers: [UInt64]
    var accesses: [NextInstruction.Access] = []
    var places: [UInt64] = []
    /// An event of the kernel's own code came.
    var wasInterrupted = false
    var returnsByFrame = false
  }

  let isOwed: Bool
  private var cleared: Cleared?
  private var broken: Violation?

  init(isOwed: Bool) { self.isOwed = isOwed }

  mutating func watch(_ transition: Transition, step: Int, _ processor: Processor) {
    guard isOwed else { return }
    switch transition.kind {
    case .buffers: cleared = Cleared(registers: Self.registers(processor))
    case .event where transition.delivery?.fromKernel == true: cleared?.wasInterrupted = true
    case .event, .entry: cleared = nil
    case .exit where transition.before.isKernel && !transition.after.isKernel:
      if broken == nil, let why = complaint(transition, processor) {
        broken = Violation(why.message, step: step, at: why.rip)
      }
      cleared = nil
    default: return
    }
  }

  /// RSP is not among them: a return loads it.
  private static func registers(_ processor: Processor) -> [UInt64] {
    GeneralRegister.allCases.filter { $0 != .rsp }.map { processor[$0] }
  }

  private func complaint(_ exit: Transition, _ processor: Processor) -> (message: String, rip: UInt64)? {
    guard let cleared else { return ("user mode is entered, and no VERW was executed since the kernel was", exit.rip) }
    if cleared.wasInterrupted { return nil }
    // The frame's five words, and right below them the error code of what the user did, or a number in its place. RSP may be anything: SYSRET
    // leaves the user's.
    let start = exit.before.rsp &- 8
    for (access, place) in zip(cleared.accesses, cleared.places) {
      let offset = access.address &- start
      let isOfFrame = cleared.returnsByFrame && offset < 48 && offset &+ UInt64(access.size) <= 48
      if !isOfFrame && !isUsers(access, processor) {
        return ("the kernel reaches \(hex(access.address)) behind VERW, on its way to user mode", place)
      }
    }
    let names = GeneralRegister.allCases.filter { $0 != .rsp }
    for (i, value) in Self.registers(processor).enumerated() where value != cleared.registers[i] {
      return ("\(names[i]) is given its value behind VERW, on the way to user mode", exit.rip)
    }
    return nil
  }

  /// What is there is what user mode has of its own: SYSRET's RSP and selectors are read from a frame, too.
  private func isUsers(_ access: NextInstruction.Access, _ processor: Processor) -> Bool {
    guard (2...8).contains(access.size), let word = processor.word(atLinear: access.address) else { return false }
    let mask = UInt64.max >> UInt64(64 - access.size * 8)
    let selectors = [SegmentName.cs, .ss].map { UInt64(processor.selectors[$0.rawValue]) }
    return ([processor[.rsp], processor.rip, processor.rflags.rawValue] + selectors).contains {
      $0 & mask == word & mask
    }
  }

  mutating func execute(_ sight: Sight) {
    guard cleared != nil, sight.isKernel, let next = sight.nextInstruction else { return }
    cleared!.returnsByFrame = next.kind == .interruptReturn
    if next.kind == .interruptReturn { return }
    for access in next.accesses {
      cleared!.accesses.append(access)
      cleared!.places.append(sight.rip)
    }
  }

  func needsEveryBoundary(_ sight: Sight) -> Bool { cleared.map { !$0.wasInterrupted } ?? false && sight.isKernel }

  func goesOn(as other: BuffersCleared) -> Bool { broken == nil && other.broken == nil && cleared == other.cleared }

  func judge(_ run: Outcome) -> Violation? { broken }
}

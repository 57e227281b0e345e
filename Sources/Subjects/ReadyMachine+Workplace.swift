/// One crossing, followed to its end: function by function where it has a CALL outstanding, and else instruction by instruction.
///
/// SDM vol. 1, "Calling Procedures Using CALL and RET"; vol. 2A, "CALL".
import Findings
import Machine
import Platform

extension ReadyMachine {
  /// A crossing that takes more is not followed any further.
  private static let longest: UInt64 = 2_000_000
  /// What is smaller may stand in a register by chance, as flags and numbers of calls do.
  private static let leastTelling: UInt64 = 0x100

  /// A CALL that has not returned, with none outstanding before it.
  private struct OutermostCall {
    /// Where it returns to. RSP may be another then: what it stored of the user's may lie where the return address was.
    var back: UInt64
    var position: UInt64
    var beginning: Beginning
    /// Events of the kernel's own code that have not returned, whose handlers may call from the same place.
    var depth = 0
  }

  /// Of the crossing at which the machine stands. Nil where it does not come back.
  package func workplace(of crossing: CrossingKind) -> Workplace? {
    let processor = computer.processor
    var place = Workplace()
    var call: OutermostCall?
    var most: UInt64 = 0
    var entered: [UInt64]?
    processor.isWatched = true
    processor.clearTransitions()
    defer {
      processor.isWatched = false
      processor.clearTransitions()
    }
    func end(_ done: OutermostCall) {
      let length = processor.position &- done.position
      if length > most { (most, place.beginning) = (length, done.beginning) }
    }
    let bound = processor.position &+ Self.longest
    if let event = computer.event(of: crossing) { _ = computer.inject(event) } else { _ = computer.takeStep() }
    while processor.position < bound {
      for transition in processor.transitions {
        let rsp = transition.after.rsp
        if transition.kind == .exit && !transition.after.isKernel {
          if let call { end(call) }
          return place
        }
        if transition.kind == .exit { call?.depth -= 1 }
        if transition.kind == .event && transition.before.isKernel { call?.depth += 1 }
        guard transition.after.isKernel, rsp >> 47 == 0x1FFFF,
          !processor.isUserReachable(rsp, tables: processor.cr3)
        else { continue }
        place.pages.insert((rsp &- 8) >> 12)
      }
      processor.clearTransitions()
      if entered == nil && computer.isInKernel { entered = registers }
      if let open = call {
        if processor.rip != open.back {
          guard case .budget = computer.proceed(bound &- processor.position, until: open.back) else { return nil }
          continue
        }
        if open.depth == 0 {
          end(open)
          call = nil
        }
      }
      let (rip, rsp) = (processor.rip, processor[.rsp])
      let next = call == nil && computer.isInKernel ? processor.nextInstruction() : nil
      guard case .budget = computer.takeStep() else { return nil }
      guard let next, next.isCall, processor[.rsp] == rsp &- 8, processor.rip != rip &+ UInt64(next.length) else {
        continue
      }
      call = OutermostCall(
        back: rip &+ UInt64(next.length), position: processor.position, beginning: beginning(since: entered))
    }
    return nil
  }

  private var registers: [UInt64] { GeneralRegister.allCases.map { computer.processor[$0] } }

  /// - Parameter entered: the registers behind the processor's entry, which leaves values of the user's in others (SDM vol. 2B, "SYSCALL").
  private func beginning(since entered: [UInt64]?) -> Beginning {
    var beginning = Beginning(rip: computer.processor.rip, registers: registers)
    for register in GeneralRegister.allCases where register != .rsp {
      let value = beginning.registers[register.rawValue]
      if value >= Self.leastTelling && entered?[register.rawValue] == value { beginning.kept.insert(register) }
    }
    return beginning
  }
}

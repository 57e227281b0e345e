/// What a defence has made safe is used before anything can make it unsafe again.
///
/// AMD, "Technical Update Regarding Speculative Return Stack Overflow"; AMD-SB-7061 (CVE-2026-68480).
import Findings
import Machine

/// A return whose prediction a CALL has taken over, between the two. It is found in a run: nothing names the code.
public struct HeldReturn: Sendable, Hashable {
  /// The CALL whose return address is discarded, and the RET that its prediction serves instead.
  public var call: UInt64
  public var ret: UInt64
}

struct DefenceHolds: Monitor {
  static let description = InvariantDescription(
    identifier: "defence-holds",
    claim:
      "Where a CALL has taken over the prediction of a RET, no event whose handler returns comes between the two and goes back there without "
      + "the CALL being made again.",
    why:
      "On parts whose return predictions can be overflowed a kernel makes a CALL that never returns right before a RET, so that the "
      + "prediction is one that it chose itself. An event between the two runs a handler, whose own returns use "
      + "up that prediction and leave others; the RET is then made on what the handler left (CVE-2026-68480, \"interrupt injection\"). A "
      + "handler must finish the return in the frame, or go back to the CALL. Calls and returns are matched in the run without events: a "
      + "RET that takes another word than the one CALL behind its own left is one that is defended; more such CALLs fill the return stack.",
    citation: "AMD-SB-7061; AMD, \"Technical Update Regarding Speculative Return Stack Overflow\"",
    specimens: [])

  /// A CALL that nothing has returned to yet.
  fileprivate struct Call: Sendable, Hashable {
    var slot: UInt64
    var target: UInt64
    var rip: UInt64
    var step: Int
  }

  /// A run without events that finds the defended returns.
  struct Record: Sendable {
    fileprivate var calls: [Call] = []
    /// Where the run stood at each boundary in the kernel, and the defended return that it stood in.
    fileprivate var places: [(step: Int, rip: UInt64)] = []
    fileprivate var windows: [(from: Int, through: Int, held: HeldReturn)] = []

    /// The boundaries of defended returns, by address: those at which the run never stood otherwise.
    var held: [UInt64: HeldReturn] {
      var result: [UInt64: HeldReturn] = [:]
      var outside: Set<UInt64> = []
      var rest = windows.sorted { $0.from < $1.from }[...]
      for place in places {
        while let first = rest.first, first.through < place.step { rest = rest.dropFirst() }
        if let first = rest.first, first.from < place.step {
          result[place.rip] = first.held
        } else {
          outside.insert(place.rip)
        }
      }
      return result.filter { !outside.contains($0.key) }
    }
  }

  private struct Inside: Sendable, Hashable {
    var held: HeldReturn
    var rip: UInt64
    var rsp: UInt64
    var returns = 0
  }

  let isOwed: Bool
  /// By the address of the boundary.
  var held: [UInt64: HeldReturn] = [:]
  /// While the run without events is watched.
  var record: Record?
  private var inside: Inside?
  private var broken: Violation?

  init(isOwed: Bool) { self.isOwed = isOwed }

  mutating func watch(_ transition: Transition, step: Int, _ processor: Processor) {
    guard isOwed, broken == nil else { return }
    switch transition.kind {
    case .event where inside == nil && transition.delivery?.fromKernel == true:
      guard let held = held[transition.rip] else { return }
      inside = Inside(held: held, rip: transition.rip, rsp: transition.before.rsp)
    case .exit:
      guard let inside else { return }
      let after = transition.after
      // Further up the stack the return was made, or is made for it.
      guard !after.isKernel || after.rsp &- inside.rsp <= Self.mostDiscarded else { return }
      self.inside = nil
      guard after.isKernel, inside.returns > 0, processor.rip == inside.rip, after.rsp == inside.rsp else { return }
      broken = Violation(
        "an event between the CALL at \(hex(inside.held.call)) and the RET whose prediction it has taken over went back there after "
          + "\(inside.returns) return\(inside.returns == 1 ? "" : "s") of its handler's",
        step: step, at: inside.held.ret, origin: inside.rip, Outcome.eventWords)
    default: return
    }
  }

  mutating func execute(_ sight: Sight) {
    guard isOwed, sight.isKernel, inside != nil || record != nil, let next = sight.nextInstruction else { return }
    if inside != nil, next.kind == .nearReturn { inside!.returns += 1 }
    if record != nil { take(next, sight) }
  }

  /// What is discarded of the stack between a defended return's CALL and its RET is a few words.
  private static let mostDiscarded: UInt64 = 256
  private static let mostCalls = 64

  private mutating func take(_ next: NextInstruction, _ sight: Sight) {
    record!.places.append((sight.step, sight.rip))
    if next.isCall {
      if record!.calls.count == Self.mostCalls { record!.calls.removeFirst() }
      record!.calls.append(
        Call(slot: sight.rsp &- 8, target: sight.rip &+ UInt64(next.length), rip: sight.rip, step: sight.step))
    } else if next.kind == .nearReturn {
      var since: [Call] = []
      while let last = record!.calls.last, sight.rsp &- last.slot <= Self.mostDiscarded {
        since.append(record!.calls.removeLast())
      }
      guard let call = since.first, call.slot != sight.rsp || sight.word(at: sight.rsp) != call.target else { return }
      // More than one call that nothing returns to fills the return stack: each leaves what the next one would.
      guard since.count(where: { $0.slot != sight.rsp }) == 1 else { return }
      record!.windows.append((call.step, sight.step, HeldReturn(call: call.rip, ret: sight.rip)))
    }
  }

  func needsEveryBoundary(_ sight: Sight) -> Bool { inside != nil || record != nil }

  func goesOn(as other: DefenceHolds) -> Bool { broken == nil && other.broken == nil && inside == other.inside }

  func judge(_ run: Outcome) -> Violation? { broken }
}

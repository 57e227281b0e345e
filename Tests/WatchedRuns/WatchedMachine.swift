/// For tests alone: a watched machine that goes through the same stretch in either of two ways, step by step or as fast as it can, and
/// what its log of transitions says. The two logs must be equal, event for event: all that is told of a trial rests on it.
///
///     stepped    one step, one position; what the log holds then led to this boundary
///     free       run toward a position; the run stops by itself at the boundary behind each transition
import Machine

/// A transition, and the boundary that it led to.
public struct Noted: Hashable, Sendable {
  public var position: UInt64
  public var transition: Transition
}

/// What one way through a stretch showed.
public struct Stretch: Sendable {
  public var log: [Noted] = []
  /// How the machine was over, in its platform's words; nil while it goes on.
  public var end: String?
  /// Where it stands.
  public var position: UInt64 = 0
  /// What went wrong with the clock, where something did.
  public var complaint: String?

  /// The first thing that another way shows differently.
  public func difference(from other: Stretch) -> String? {
    if let complaint = complaint ?? other.complaint { return complaint }
    for (mine, theirs) in zip(log, other.log) where mine != theirs { return "\(mine)\nand\n\(theirs)" }
    if log.count != other.log.count {
      let more = log.count > other.log.count ? log[other.log.count] : other.log[log.count]
      return "\(log.count) and \(other.log.count) transitions, the next is\n\(more)"
    }
    if position != other.position { return "position \(position) and \(other.position)" }
    return end == other.end ? nil : "end \(end ?? "none") and \(other.end ?? "none")"
  }
}

public struct WatchedMachine {
  public let processor: Processor
  /// Takes one step; says how the machine was over.
  let step: () -> String?
  /// Runs toward a position; says how the machine was over.
  let run: (UInt64) -> String?

  public init(_ processor: Processor, step: @escaping () -> String?, run: @escaping (UInt64) -> String?) {
    self.processor = processor
    self.step = step
    self.run = run
  }

  private func drain(_ stretch: inout Stretch) {
    stretch.position = processor.position
    stretch.log += processor.transitions.map { Noted(position: processor.position, transition: $0) }
    processor.clearTransitions()
  }

  /// Takes so many steps. A step that does not end the machine leads exactly one position on.
  public func stepped(_ count: UInt64) -> Stretch {
    processor.isWatched = true
    processor.clearTransitions()
    var result = Stretch(position: processor.position)
    for _ in 0..<count where result.end == nil && result.complaint == nil {
      let (before, rip) = (processor.position, processor.rip)
      result.end = step()
      drain(&result)
      if result.end == nil && result.position != before &+ 1 {
        result.complaint = "the step from 0x\(String(rip, radix: 16)) led from position \(before) to \(result.position)"
      }
    }
    return result
  }

  /// Runs so many positions on, a chunk at a time; a chunk ends at each transition.
  public func free(_ count: UInt64, chunk: () -> UInt64 = { .max }) -> Stretch {
    processor.isWatched = true
    processor.clearTransitions()
    var result = Stretch(position: processor.position)
    let last = processor.position &+ count
    while result.end == nil && result.complaint == nil && processor.position < last {
      let before = processor.position
      let target = min(last - before, max(1, chunk())) + before
      result.end = run(target)
      let isEmpty = processor.transitions.isEmpty
      drain(&result)
      if result.position > target { result.complaint = "a run toward \(target) stands at \(result.position)" }
      if result.end == nil && isEmpty && result.position == before {
        result.complaint = "a run toward \(target) stays at \(before)"
      }
    }
    return result
  }
}

extension Processor {
  /// The state between two instructions, a line for each part.
  private var parts: [String] {
    let s = state
    var result = GeneralRegister.allCases.map { "\($0) 0x\(String(self[$0], radix: 16))" }
    result.append("RIP 0x\(String(s.rip, radix: 16)), RFLAGS 0x\(String(rflags.rawValue, radix: 16))")
    result.append("\(s.retired) retired, \(s.eventCount) events, time \(now)")
    result.append("CPL \(s.cpl), shadow \(s.shadow), NMIs blocked \(s.nmiBlocked), halted \(s.isHalted)")
    result += [s.cr0, s.cr2, s.cr3, s.cr4, s.dr6, s.dr7].map { "CR0, CR2, CR3, CR4, DR6, DR7: \($0)" }
    result.append("selectors \(selectors), attributes \(segmentAttributes)")
    result.append("FS base \(segmentBase(.fs)), GS base \(segmentBase(.gs)), vectors \(digestVectors())")
    return result
  }

  /// The first part of the state in which the two machines differ; RAM as far as either wrote it since its innermost fork.
  public func difference(from other: Processor) -> String? {
    for (mine, theirs) in zip(parts, other.parts) where mine != theirs { return "\(mine) and \(theirs)" }
    for page in Set(memory.dirtyPages).union(other.memory.dirtyPages).sorted() {
      let at = UInt64(page) << 12
      if memory.bytes(at: at, count: 4096) != other.memory.bytes(at: at, count: 4096) {
        return "the page at 0x\(String(page << 12, radix: 16))"
      }
    }
    return nil
  }
}

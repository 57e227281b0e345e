/// Events that leave the machine instead of going through an IDT: for a platform that is a hypervisor and owns the IDT.
///
/// The guest's kernel then runs at privilege 3, like its user programs, and whatever would take the processor to privilege 0
/// stops the run. The platform does what its own handlers would and resumes. What the processor itself does at such an event
/// still follows the manuals: SDM vol. 3A, "Exception and Interrupt Handling in 64-bit Mode"; vol. 2B, "SYSCALL", "SYSENTER".

/// An event that the platform must handle.
public enum Intercept: Sendable, Hashable {
  /// A fault leaves RIP at its instruction, with RF set as a frame would have it; a trap leaves RIP behind it. CR2 and DR6 are
  /// set where the vector has them.
  case exception(Vector, errorCode: UInt32?)
  /// INT n, INT3 or INTO, which a gate of privilege 3 lets pass. RIP is behind the instruction.
  case interrupt(Vector)
  /// RCX holds the address behind the instruction, as RIP does, and R11 the flags.
  case systemCall
  /// RIP is behind the instruction, but the processor keeps no record of it.
  case systemEnter
}

/// What the platform's IDT lets user mode do.
public struct Interception: Sendable {
  /// Vectors whose gates have a DPL of 3: the others make INT n a general-protection fault.
  public var userVectors: Set<UInt8>
  public init(userVectors: Set<UInt8>) { self.userVectors = userVectors }
}

extension Processor {
  /// What an event through the platform's IDT does to the processor before a frame is pushed. Always throws.
  func intercept(
    _ vector: Vector, errorCode: UInt32?, kind: EventKind, next: UInt64?, by interception: Interception
  ) throws(Fault) {
    if kind == .software && !interception.userVectors.contains(vector.rawValue) {
      throw Fault.gp(UInt32(vector.rawValue) << 3 | 2)
    }
    s.pointee.eventCount &+= 1
    s.pointee.lastVector = vector
    if kind == .exception && Self.isFault(vector) { s.pointee.otherFlags |= RFLAGS.resume.rawValue }
    let what = kind == .software ? Intercept.interrupt(vector) : .exception(vector, errorCode: errorCode)
    throw Fault.exit(.intercepted(what, next: next ?? s.pointee.rip))
  }

  /// Completes an intercepted instruction: `next` is where a frame would say that execution goes on.
  ///
  /// A #DB that MOV SS put off is lost with an exception, that of INT1 too. Behind a call or a software interrupt it is still due, at
  /// the first instruction of the platform's handler: see `takeDebugTrap`.
  func finish(_ what: Intercept, next: UInt64) {
    switch what {
    case .exception:
      s.pointee.pendingDebug = 0
      if next != s.pointee.rip { s.pointee.retired &+= 1 } else { s.pointee.unretired &+= 1 }
    case .interrupt, .systemCall, .systemEnter: s.pointee.retired &+= 1
    }
    s.pointee.rip = next
    s.pointee.shadow = .none
    s.pointee.isHalted = false
    updateView()
  }
}

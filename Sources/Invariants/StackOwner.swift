/// Whose stack RSP points to, followed from the crossing through a run and whatever events it has.
///
/// The user's RSP stays the user's while it only moves: a PUSH, a CALL, an aligned frame. It becomes the kernel's when an
/// event switches stacks, and what a load of RSP says then decides: a value is the user's when it would be another had the user's
/// RSP been another (asking twice), or when the user can reach the memory that a push would write. SDM vol. 1, "Procedure Calls,
/// Interrupts, and Exceptions"; vol. 3A, "64-Bit Mode Stack Frame".
///
/// Not modelled: a kernel address that the user chose, moved, kept elsewhere and loaded again in the handler of an event. Asking
/// twice finds it in the crossing alone.

/// How RSP came to the value that it has at a boundary.
public enum StackChange: Sendable, Hashable {
  /// It is what it was, or that moved.
  case moved
  /// An instruction, or a hypercall, loaded it. The flag tells that user mode can reach the memory at its new place.
  case loaded(isReachableByUser: Bool)
  /// An event was delivered on a stack that the processor's tables, or the hypervisor, name.
  case switched
  /// User mode runs.
  case user
}

public struct StackOwner: Sendable, Hashable {
  /// RSP is the user's.
  public private(set) var isUser = true
  /// Values of RSP that are the user's wherever they are loaded.
  public private(set) var values: [UInt64]

  /// - Parameter values: that of the crossing, and those that asking twice found to be the user's.
  public init(values: [UInt64]) { self.values = values }

  public mutating func follow(_ change: StackChange, to rsp: UInt64) {
    switch change {
    case .moved: break
    case .loaded(let isReachable): isUser = isReachable || values.contains(rsp)
    case .switched: isUser = false
    case .user: isUser = true
    }
  }

  /// An event interrupts: what its handler returns to is the user's if it was.
  public mutating func interrupt(at rsp: UInt64) {
    if isUser && !values.contains(rsp) { values.append(rsp) }
  }
}
